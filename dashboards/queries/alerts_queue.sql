-- title: Queue by expected loss
-- note: Suspected, not proven. Without a status: what waits for somebody, that is open, assigned, needs more, appealed
-- reads: fraud_alerts
-- param status = ''
-- param pattern = ''
-- param kind = ''
-- param search = ''
select alert_id, pattern, subject_kind, subject_id, customer_id, rma_id, order_id, claim_id, courier, agent,
       score, expected_loss_minor, currency, evidence, counter_evidence,
       status, action, actor, reason, confirmed_loss_minor, policy_version,
       raised_at, updated_at, expires_at
from fraud_alerts
where case $status when '' then status in ('open', 'assigned', 'needs_more', 'appealed')
                   when 'all' then true
                   else status = $status end
  and ($pattern = '' or pattern = $pattern)
  and ($kind = '' or subject_kind = $kind)
  and ($search = '' or strpos(concat_ws(' ', alert_id, subject_id, customer_id, rma_id, order_id, claim_id, agent, actor), $search) > 0)
order by expected_loss_minor desc, alert_id
limit 200
