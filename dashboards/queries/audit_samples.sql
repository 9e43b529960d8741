-- title: Audit samples
-- note: Five in 256 of the returns of the last 90 days that show no pattern and that no alert names, drawn by the digest of their id: nobody chooses them, and everybody draws the same
-- reads: return_scores, fraud_alerts
with clock as (select max(event_time) as now from eddy_meta.progress),
flagged as (select distinct rma_id from fraud_alerts where rma_id is not null)
select s.rma_id, s.score, s.rarity, s.patterns, s.scored_at, s.sequence,
       r.order_id, r.customer_id, r.category, r.reason, r.status, r.grade, r.pieces, r.refund_minor, r.currency
from return_scores s
cross join clock
left join flagged f on f.rma_id = s.rma_id
left join (select rma_id, max(order_id) as order_id, max(customer_id) as customer_id, max(category) as category, max(reason) as reason,
                  max(status) as status, max(grade) as grade, sum(qty) as pieces, sum(refund_minor) as refund_minor, max(currency) as currency
           from returns group by rma_id) r on r.rma_id = s.rma_id
where f.rma_id is null
  and s.patterns = '[]'
  and s.scored_at >= clock.now - interval '90 days'
  and substr(md5(s.rma_id), 1, 2) < '05'
order by md5(s.rma_id)
limit 200
