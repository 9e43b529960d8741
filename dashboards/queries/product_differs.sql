-- title: What differs
-- note: Pieces delivered 30 to 210 days ago, so that most of their returns have come: of this product and of the rest of its category, by who carried, packed, sold and paid
-- reads: order_lines
-- param product = ''
with clock as (select max(event_time) as now from eddy_meta.progress),
own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
),
-- its own lines count under whatever category they were sold; two reads, since a scan can ask each of its dictionaries
lines as (
  select *, sku = $product as is_own
  from order_lines
  where category = (select category from own)
    and delivered_at >= (select now - interval '210 days' from clock) and delivered_at <= (select now - interval '30 days' from clock)
  union all
  select *, true
  from order_lines
  where sku = $product and ((category is distinct from (select category from own)) or (select category from own) is null)
    and delivered_at >= (select now - interval '210 days' from clock) and delivered_at <= (select now - interval '30 days' from clock)
),
-- lines that are alike in all of it are one row for each of the ways to group
alike as (
  select courier, destination_zone as zone, facility, packer, supplier_id, channel, payment_mode,
         sum(case when is_own then delivered_qty else 0 end) as own_n,
         sum(case when is_own then least(requested_qty, delivered_qty) else 0 end) as own_k,
         sum(case when is_own then 0 else delivered_qty end) as rest_n,
         sum(case when is_own then 0 else least(requested_qty, delivered_qty) end) as rest_k
  from lines
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
