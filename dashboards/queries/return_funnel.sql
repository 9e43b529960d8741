-- title: Funnel from requested to restocked
-- note: Return lines requested in the range; dwell is the time from the step before, in hours
-- reads: returns
-- param from = timestamp '1970-01-01T00:00:00Z'
-- param to = timestamp '2100-01-01T00:00:00Z'
with r as (
  select requested_at, received_at, inspected_at, restocked_at,
         (date_part('epoch', received_at) - date_part('epoch', requested_at)) / 3600.0 as to_received,
         (date_part('epoch', inspected_at) - date_part('epoch', received_at)) / 3600.0 as to_inspected,
         (date_part('epoch', restocked_at) - date_part('epoch', inspected_at)) / 3600.0 as to_restocked
  from returns
  where requested_at >= $from and requested_at < $to
)
select count(requested_at) as requested,
       count(received_at) as received,
       count(inspected_at) as inspected,
       count(restocked_at) as restocked,
       approx_percentile_cont(0.5) within group (order by to_received) as received_p50_hours,
       approx_percentile_cont(0.9) within group (order by to_received) as received_p90_hours,
       approx_percentile_cont(0.5) within group (order by to_inspected) as inspected_p50_hours,
       approx_percentile_cont(0.9) within group (order by to_inspected) as inspected_p90_hours,
       approx_percentile_cont(0.5) within group (order by to_restocked) as restocked_p50_hours,
       approx_percentile_cont(0.9) within group (order by to_restocked) as restocked_p90_hours
from r
