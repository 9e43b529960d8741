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
lines as (
  select l.courier, l.destination_zone as zone, l.facility, l.packer, l.supplier_id, l.channel, l.payment_mode,
         case when l.sku = own.sku then l.delivered_qty else 0 end as own_n,
         case when l.sku = own.sku then least(l.requested_qty, l.delivered_qty) else 0 end as own_k,
         case when l.sku = own.sku then 0 else l.delivered_qty end as rest_n,
         case when l.sku = own.sku then 0 else least(l.requested_qty, l.delivered_qty) end as rest_k
  from order_lines l
  join own on l.category = own.category
  cross join clock
  where l.delivered_at between clock.now - interval '210 days' and clock.now - interval '30 days'
  union all
  -- its own lines count under whatever category they were sold; two joins, since a scan can ask each of its dictionaries
  select l.courier, l.destination_zone, l.facility, l.packer, l.supplier_id, l.channel, l.payment_mode,
         l.delivered_qty, least(l.requested_qty, l.delivered_qty), 0, 0
  from order_lines l
  join own on l.sku = own.sku
  cross join clock
  where (l.category is distinct from own.category)
    and l.delivered_at between clock.now - interval '210 days' and clock.now - interval '30 days'
)
select case when grouping(courier) = 0 then 'courier' when grouping(zone) = 0 then 'zone' when grouping(facility) = 0 then 'facility'
            when grouping(packer) = 0 then 'packer' when grouping(supplier_id) = 0 then 'supplier' when grouping(channel) = 0 then 'channel'
            when grouping(payment_mode) = 0 then 'payment' else 'all' end as dimension,
       coalesce(courier, zone, facility, packer, supplier_id, channel, payment_mode, '–') as value,
       sum(own_n) as own_n, sum(own_k) as own_k, sum(rest_n) as rest_n, sum(rest_k) as rest_k
from lines
group by grouping sets ((), (courier), (zone), (facility), (packer), (supplier_id), (channel), (payment_mode))
having sum(own_n) > 0
order by 1, 3 desc, 2
