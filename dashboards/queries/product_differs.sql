-- title: What differs
-- note: Pieces delivered 30 to 210 days ago, so that most of their returns have come: of this product and of the rest of its category, by who carried, packed, sold and paid
-- reads: order_lines
-- param product = ''
-- whole days: what was added up for one who asked before stands until the next
with clock as (
  select date_trunc('day', max(event_time)) - interval '210 days' as since, date_trunc('day', max(event_time)) - interval '30 days' as until
  from eddy_meta.progress
),
own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
),
-- lines that are alike in all of it are one row for each of the ways to group; those of the category are added up without a word of the product, so
-- that its other products ask the same. Its own lines count under whatever category they were sold
alike as (
  select courier, destination_zone as zone, facility, packer, supplier_id, channel, payment_mode,
         cast(0 as bigint) as own_n, cast(0 as bigint) as own_k, sum(delivered_qty) as rest_n, sum(least(requested_qty, delivered_qty)) as rest_k
  from order_lines
  where category = (select category from own)
    and delivered_at >= (select since from clock) and delivered_at < (select until from clock)
  group by 1, 2, 3, 4, 5, 6, 7
  union all
  select courier, destination_zone, facility, packer, supplier_id, channel, payment_mode, sum(n), sum(k), -sum(within * n), -sum(within * k)
  from (
    select *, delivered_qty as n, least(requested_qty, delivered_qty) as k, case when category = (select category from own) then 1 else 0 end as within
    from order_lines
    where sku = $product and delivered_at >= (select since from clock) and delivered_at < (select until from clock)
  )
  group by 1, 2, 3, 4, 5, 6, 7
)
select case when grouping(courier) = 0 then 'courier' when grouping(zone) = 0 then 'zone' when grouping(facility) = 0 then 'facility'
            when grouping(packer) = 0 then 'packer' when grouping(supplier_id) = 0 then 'supplier' when grouping(channel) = 0 then 'channel'
            when grouping(payment_mode) = 0 then 'payment' else 'all' end as dimension,
       coalesce(courier, zone, facility, packer, supplier_id, channel, payment_mode, '–') as value,
       sum(own_n) as own_n, sum(own_k) as own_k, sum(rest_n) as rest_n, sum(rest_k) as rest_k
from alike
group by grouping sets ((), (courier), (zone), (facility), (packer), (supplier_id), (channel), (payment_mode))
having sum(own_n) > 0
order by 1, 3 desc, 2
