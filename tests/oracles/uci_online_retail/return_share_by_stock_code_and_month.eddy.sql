with delivered as (
  select sku, cast(date_trunc('month', delivered_at) as date) as month, sum(delivered_qty) as qty
  from order_lines
  where currency = 'GBP' and delivered_at is not null
  group by 1, 2
),
returned as (
  select sku, cast(date_trunc('month', requested_at) as date) as month, sum(requested_qty) as qty
  from returns
  where rma_id like 'C%'
  group by 1, 2
)
select coalesce(d.sku, r.sku) as sku, coalesce(d.month, r.month) as month,
       coalesce(d.qty, 0) as delivered, coalesce(r.qty, 0) as returned,
       cast(coalesce(r.qty, 0) as double) / cast(d.qty as double) as share
from delivered d
full join returned r on r.sku = d.sku and r.month = d.month
