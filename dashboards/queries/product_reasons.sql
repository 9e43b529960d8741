-- title: Reasons over time
-- note: Pieces asked back by the reason first given and the month of delivery; beside them the share of each reason in the category
-- reads: order_lines
-- param product = ''
with own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
)
select coalesce(l.reason_group, 'none given') as reason,
       cast(date_trunc('month', l.delivered_on) as date) as month,
       sum(case when l.sku = own.sku then l.requested_qty else 0 end) as pieces,
       sum(l.requested_qty) as of_category
from order_lines l
join own on l.category = own.category or l.sku = own.sku
where l.requested_qty > 0 and l.delivered_on is not null
group by 1, 2
order by 1, 2
