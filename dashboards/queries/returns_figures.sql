-- title: Returns
-- note: Return lines requested in the range
-- reads: returns
-- param from = timestamp '1970-01-01T00:00:00Z'
-- param to = timestamp '2100-01-01T00:00:00Z'
select count(*) as lines,
       sum(qty) as units,
       sum(case when received_at is null and status not in ('cancelled', 'rejected', 'closed') then 1 else 0 end) as awaited,
       sum(case when received_at is not null and inspected_at is null then 1 else 0 end) as to_inspect,
       sum(case when disposition = 'restock' and restocked_at is null then 1 else 0 end) as to_restock
from returns
where requested_at >= $from and requested_at < $to
