-- title: Similar cases and how they ended
-- note: Other anomalies of the same value, or of the same dimension, reason and direction
-- reads: anomalies
-- param case = ''
with own as (select * from anomalies where anomaly_id = $case)
select a.anomaly_id, a.subject, a.dimension, a.value, a.reason_group, a.direction, a.onset, a.ended, a.observed, a.expected, a.delivered, a.q_value, a.status, a.actor, a.reason,
       a.dimension = own.dimension and a.value = own.value as same_value
from anomalies a
cross join own
where a.anomaly_id <> own.anomaly_id and a.subject = own.subject
  and ((a.dimension = own.dimension and a.value = own.value)
    or (a.dimension = own.dimension and a.direction = own.direction and coalesce(a.reason_group, '') = coalesce(own.reason_group, '') and a.status in ('dismissed', 'resolved', 'merged')))
order by 15 desc, a.onset desc, a.anomaly_id
limit 20
