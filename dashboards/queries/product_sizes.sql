-- title: Sizes side by side
-- note: Pieces of the style delivered 30 to 210 days ago, so that most of their returns have come, and asked back, by size; too small and too large as the buyers said
-- reads: order_lines, returns
-- param product = ''
with clock as (select max(event_time) as now from eddy_meta.progress),
own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
),
lines as (
  select l.sku, l.order_id, l.line_id, coalesce(l.size, '–') as size, l.delivered_qty, l.requested_qty
  from order_lines l
  join own on l.style = own.style
  cross join clock
  where l.delivered_at between clock.now - interval '210 days' and clock.now - interval '30 days'
),
said as (
  select order_id, line_id,
         sum(case when reason = 'too_small' then requested_qty else 0 end) as too_small,
         sum(case when reason = 'too_large' then requested_qty else 0 end) as too_large
  from returns
  where sku in (select sku from lines)
  group by 1, 2
)
select l.size,
       sum(l.delivered_qty) as delivered,
       sum(l.requested_qty) as returned,
       sum(coalesce(s.too_small, 0)) as too_small,
       sum(coalesce(s.too_large, 0)) as too_large
from lines l
left join said s on s.order_id = l.order_id and s.line_id = l.line_id
group by 1
order by 1
