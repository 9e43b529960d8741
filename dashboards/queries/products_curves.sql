-- title: Returns by age, of the products compared
-- note: Pieces delivered in the last 180 days by the age their delivery has now, and pieces asked back by the age at which they were: with both, a rate at each age uses only deliveries that old
-- reads: order_lines
-- param level = 'sku'
-- param keys = ''
with clock as (select max(event_time) as now_at, date_part('epoch', max(event_time)) / 86400.0 as now from eddy_meta.progress),
-- one read of the lines for both kinds
lines as (
  select case $level when 'style' then style when 'category' then category when 'supplier' then supplier_id else sku end as value,
         cast(floor(clock.now - date_part('epoch', delivered_at) / 86400.0) as bigint) as age,
         case when requested_qty > 0 then cast(floor((date_part('epoch', requested_at) - date_part('epoch', delivered_at)) / 86400.0) as bigint) end as returned_at,
         sum(delivered_qty) as delivered,
         sum(least(requested_qty, delivered_qty)) as returned
  from order_lines
  cross join clock
  where delivered_at is not null
    and ($level = 'style' and style in ($keys) or $level = 'category' and category in ($keys) or $level = 'supplier' and supplier_id in ($keys)
         or $level not in ('style', 'category', 'supplier') and sku in ($keys))
    and delivered_at >= (select now_at - interval '180 days' from clock)
  group by 1, 2, 3
)
select value, kind, case when kind = 'delivered' then age else greatest(0, returned_at) end as age,
       sum(case when kind = 'delivered' then delivered else returned end) as pieces
from lines
cross join (values ('delivered'), ('returned')) as kinds (kind)
where kind = 'delivered' or returned_at is not null
group by 1, 2, 3
order by 1, 2, 3
