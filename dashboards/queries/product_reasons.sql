-- title: Reasons over time
-- note: Pieces asked back by the reason first given and the month of delivery; beside them the share of each reason in the category
-- reads: order_lines
-- param product = ''
with own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
),
-- its own lines count under whatever category they were sold. Those of the category are added up without a word of the product, so that its other products ask the same
sums as (
  select reason_group, delivered_on, cast(0 as bigint) as own, sum(requested_qty) as asked
  from order_lines
  where requested_qty > 0 and delivered_on is not null and category = (select category from own)
  group by 1, 2
  union all
  select reason_group, delivered_on, sum(requested_qty), sum(beside * requested_qty)
  from (
    select reason_group, delivered_on, requested_qty, case when category = (select category from own) then 0 else 1 end as beside
    from order_lines
    where requested_qty > 0 and delivered_on is not null and sku = $product
  )
  group by 1, 2
)
select coalesce(reason_group, 'none given') as reason,
       cast(date_trunc('month', delivered_on) as date) as month,
       sum(own) as pieces,
       sum(asked) as of_category
from sums
group by 1, 2
order by 1, 2
