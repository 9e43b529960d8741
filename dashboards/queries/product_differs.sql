-- title: What differs
-- note: Pieces delivered 30 to 210 days ago, so that most of their returns have come: of this product and of the rest of its category, by who carried, packed, sold and paid
-- reads: order_lines
-- param product = ''
-- whole days: what was added up for one who asked before stands until the next
with clock as (
  select date_trunc('day', max(event_time)) - interval '210 days' as since
  from eddy_meta.progress
),
-- lines that are alike in all of it are one row for each of the ways to group; those of the category are added up without a word of the product, so
-- that its other products ask the same. Its own lines count under whatever category they were sold
alike as (
  select courier, destination_zone as zone, facility, packer, supplier_id, channel, payment_mode,
         cast(0 as bigint) as own_n, cast(0 as bigint) as own_k, sum(delivered_qty) as rest_n, sum(least(requested_qty, delivered_qty)) as rest_k
  from order_lines
  where category = coalesce((select category from skus where sku = $product), (select category from rates_now where dimension = 'sku' and value = $product))
    and delivered_at >= (select since from clock) and delivered_at < (select since from clock) + interval '180 days'
  group by 1, 2, 3, 4, 5, 6, 7
  union all
  select courier, zone, facility, packer, supplier_id, channel, payment_mode, sum(n), sum(k), -sum(within * n), -sum(within * k)
  from (
    select courier, destination_zone as zone, facility, packer, supplier_id, channel, payment_mode, delivered_qty as n, least(requested_qty, delivered_qty) as k,
           case when category = coalesce((select category from skus where sku = $product), (select category from rates_now where dimension = 'sku' and value = $product)) then 1 else 0 end as within
    from order_lines
    where sku = $product and delivered_at >= (select since from clock) and delivered_at < (select since from clock) + interval '180 days'
  )
  group by 1, 2, 3, 4, 5, 6, 7
),
each as (
  select case w.n when 0 then 'all' when 1 then 'courier' when 2 then 'zone' when 3 then 'facility' when 4 then 'packer' when 5 then 'supplier' when 6 then 'channel' else 'payment' end as dimension,
         coalesce(case w.n when 1 then courier when 2 then zone when 3 then facility when 4 then packer when 5 then supplier_id when 6 then channel when 7 then payment_mode end, '–') as value,
         own_n, own_k, rest_n, rest_k
  from alike cross join (values (0), (1), (2), (3), (4), (5), (6), (7)) as w (n)
)
select dimension, value, sum(own_n) as own_n, sum(own_k) as own_k, sum(rest_n) as rest_n, sum(rest_k) as rest_k
from each
group by 1, 2
having sum(own_n) > 0
order by 1, 3 desc, 2
