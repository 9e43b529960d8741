-- title: Couriers, adjusted for the lanes they serve
-- note: Observed, and expected if each lane went as it goes with the other couriers; a thin lane is drawn toward its zones, those toward all
-- reads: courier_lanes, shipments
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
), counted as (
  select 'not_delivered' as measure, courier, origin, destination, payment_mode, n, k from ended
  union all
  select 'promise_kept', courier, origin, destination, payment_mode, n, k from promised
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
       sum(n * rate) as expected
from rated
group by 1, 2
order by 1, 2
