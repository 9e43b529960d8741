-- title: Sizes side by side
-- note: Pieces of the style delivered 30 to 210 days ago, so that most of their returns have come, and asked back, by size; too small and too large as the buyers said
-- reads: order_lines, returns
-- param product = ''
with clock as (
  select date_trunc('day', max(event_time)) - interval '210 days' as since
  from eddy_meta.progress
),
own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
),
lines as (
  select l.sku, l.order_id, l.line_id, coalesce(l.size, '–') as size, l.delivered_qty, l.requested_qty
  from order_lines l
  where l.style = (select style from own)
    and l.delivered_at >= (select since from clock) and l.delivered_at < (select since from clock) + interval '180 days'
),
-- few, and told before the returns are read: those of other articles are then passed over
said as (
  select r.order_id, r.line_id,
         sum(case when r.reason = 'too_small' then r.requested_qty else 0 end) as too_small,
         sum(case when r.reason = 'too_large' then r.requested_qty else 0 end) as too_large
  from returns r
  join (select distinct sku from lines) l on l.sku = r.sku
  where r.reason in ('too_small', 'too_large')
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
