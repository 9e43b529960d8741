-- title: Couriers, adjusted for the lanes they serve
-- note: Observed, and expected if each lane went as it goes with the other couriers; a thin lane is drawn toward its zones, those toward all
-- reads: courier_lanes, shipments, tariffs
with ended as (
  select coalesce(s.courier, '') as courier, substr(s.origin_pincode, 1, 3) as origin, substr(s.destination_pincode, 1, 3) as destination,
         coalesce(s.payment_mode, 'unknown') as payment_mode,
         count(*) as n,
         sum(case when s.status = 'delivered' then 0 else 1 end) as k
  from shipments s
  where coalesce(s.leg, 'forward') = 'forward' and s.status in ('delivered', 'rto_initiated', 'rto_delivered', 'lost', 'damaged')
  group by 1, 2, 3, 4
), promised as (
  select coalesce(s.courier, '') as courier, substr(s.origin_pincode, 1, 3) as origin, substr(s.destination_pincode, 1, 3) as destination,
         coalesce(s.payment_mode, 'unknown') as payment_mode,
         count(*) as n,
         sum(case when s.delivered_at <= s.promised_at then 1 else 0 end) as k
  from shipments s
  where coalesce(s.leg, 'forward') = 'forward' and s.status = 'delivered' and s.promised_at is not null
  group by 1, 2, 3, 4
), ended_parcels as (
  select coalesce(s.courier, '') as courier, substr(s.origin_pincode, 1, 3) as origin, substr(s.destination_pincode, 1, 3) as destination,
         coalesce(s.payment_mode, 'unknown') as payment_mode, s.manifested_at, (coalesce(s.weight_g, 1) + 499) / 500 - 1 as steps,
         case when s.status = 'delivered' then 0 else 1 end as failed
  from shipments s
  where coalesce(s.leg, 'forward') = 'forward' and s.status in ('delivered', 'rto_initiated', 'rto_delivered', 'lost', 'damaged')
), roads as (
  select *, lead(valid_from) over (partition by courier, zone_from, zone_to order by valid_from) as valid_to
  from tariffs
), zones as (
  -- of a lane the tariff of the longest zones counts
  select courier, origin, destination, zone_from, zone_to
  from (
    select l.courier, l.origin, l.destination, t.zone_from, t.zone_to,
           row_number() over (partition by l.courier, l.origin, l.destination order by character_length(t.zone_from) desc) as place
    from (select distinct courier, origin, destination from ended_parcels) l
    cross join (select distinct character_length(zone_from) as n from tariffs) z
    join (select distinct courier, zone_from, zone_to from tariffs) t
      on t.courier = l.courier and t.zone_from = substr(l.origin, 1, z.n) and t.zone_to = substr(l.destination, 1, z.n)
  ) found
  where place = 1
), charged as (
  select e.courier, e.origin, e.destination, e.payment_mode,
         count(*) as n,
         sum(r.base_minor + r.per_500g_minor * e.steps + case when e.payment_mode = 'cod' then r.cod_fee_minor else 0 end + r.rto_fee_minor * e.failed) as k
  from ended_parcels e
  join zones z on z.courier = e.courier and z.origin = e.origin and z.destination = e.destination
  join roads r on r.courier = z.courier and r.zone_from = z.zone_from and r.zone_to = z.zone_to
             and e.manifested_at >= r.valid_from and (r.valid_to is null or e.manifested_at < r.valid_to)
  group by 1, 2, 3, 4
), counted as (
  select 'not_delivered' as measure, courier, origin, destination, payment_mode, n, k from ended
  union all
  select 'promise_kept', courier, origin, destination, payment_mode, n, k from promised
  union all
  select 'cost', courier, origin, destination, payment_mode, n, k from charged
  union all
  select 'first_attempt', coalesce(courier, ''), substr(origin, 1, 3), substr(destination, 1, 3), coalesce(payment_mode, 'unknown'),
         attempted, first_attempts_delivered
  from courier_lanes
  where attempted > 0
), cells as (
  select measure, courier, origin, destination, payment_mode, n, k,
         sum(n) over (partition by measure, origin, destination, payment_mode) - n as lane_n,
         sum(k) over (partition by measure, origin, destination, payment_mode) - k as lane_k,
         sum(n) over zone - sum(n) over own_zone as zone_n,
         sum(k) over zone - sum(k) over own_zone as zone_k,
         sum(k) over (partition by measure, payment_mode) * 1.0 / sum(n) over (partition by measure, payment_mode) as usual
  from counted
  window zone as (partition by measure, payment_mode, substr(origin, 1, 1), substr(destination, 1, 1)),
         own_zone as (partition by measure, payment_mode, substr(origin, 1, 1), substr(destination, 1, 1), courier)
), rated as (
  select measure, courier, n, k,
         (lane_k + 20 * (zone_k + 20 * usual) / (zone_n + 20)) / (lane_n + 20) as rate
  from cells
)
select measure, courier,
       sum(n) as n,
       sum(k) as observed,
       sum(n * rate) as expected,
       (select max(currency) from shipments) as currency
from rated
group by 1, 2
order by 1, 2
