-- title: Returns by age, of the products compared
-- note: Pieces delivered in the last 180 days by the age their delivery has now, and pieces asked back by the age at which they were: with both, a rate at each age uses only deliveries that old
-- reads: order_lines
-- param level = 'sku'
-- param keys = ''
with clock as (select max(event_time) as now_at, date_part('epoch', max(event_time)) / 86400.0 as now from eddy_meta.progress),
lines as (
  select case $level when 'style' then style when 'category' then category when 'supplier' then supplier_id else sku end as value,
         cast(floor(clock.now - date_part('epoch', delivered_at) / 86400.0) as bigint) as age,
         cast(floor((date_part('epoch', requested_at) - date_part('epoch', delivered_at)) / 86400.0) as bigint) as returned_at,
         delivered_qty, requested_qty
  from order_lines
  cross join clock
  where delivered_at is not null
    and ($level = 'style' and style in ($keys) or $level = 'category' and category in ($keys) or $level = 'supplier' and supplier_id in ($keys)
         or $level not in ('style', 'category', 'supplier') and sku in ($keys))
    and delivered_at >= (select now_at - interval '180 days' from clock)
)
select value, 'delivered' as kind, age, sum(delivered_qty) as pieces from lines group by 1, 3
union all
select value, 'returned', greatest(0, returned_at), sum(least(requested_qty, delivered_qty)) from lines where requested_qty > 0 and returned_at is not null group by 1, 3
order by 1, 2, 3
