-- title: Reasons over time
-- note: Pieces asked back by the reason first given and the month of delivery; beside them the share of each reason in the category
-- reads: order_lines
-- param product = ''
with own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
)
-- its own lines count under whatever category they were sold; two joins, since a scan can ask each of its dictionaries
, lines as (
  select l.reason_group, l.delivered_on, l.requested_qty, l.sku = own.sku as is_own
  from order_lines l
  join own on l.category = own.category
  where l.requested_qty > 0 and l.delivered_on is not null
  union all
  select l.reason_group, l.delivered_on, l.requested_qty, true
  from order_lines l
  join own on l.sku = own.sku
  where l.requested_qty > 0 and l.delivered_on is not null and (l.category is distinct from own.category)
)
select coalesce(reason_group, 'none given') as reason,
       cast(date_trunc('month', delivered_on) as date) as month,
       sum(case when is_own then requested_qty else 0 end) as pieces,
       sum(requested_qty) as of_category
from lines
group by 1, 2
order by 1, 2
