-- title: Anomalies by rupees at stake
-- note: Without a status: open and acknowledged. Observed against expected of what was delivered since the onset
-- reads: anomalies
-- param status = ''
-- param subject = ''
-- param kind = ''
-- param search = ''
select anomaly_id, subject, dimension, value, reason_group, direction, onset, window_start, window_end, observed, expected, delivered, factor, q_value,
       at_stake_minor, currency, cause, members, tested, status, actor, reason, merged_into, detected_at, updated_at, resolved_at, ended
from anomalies
where case $status when '' then status in ('open', 'acknowledged')
                   when 'all' then true
                   else status = $status end
  and ($subject = '' or subject = $subject)
  and ($kind = '' or dimension = $kind)
  and ($search = '' or strpos(lower(concat_ws(' ', anomaly_id, subject, dimension, value, reason_group, actor)), lower($search)) > 0)
order by at_stake_minor desc nulls last, anomaly_id
limit 200
