-- title: Order, parcel, return, inspection, refund and claims
-- note: Events of the order and return behind it, its evidence, and what people said of it; where there is neither order nor return, those of the customer or of the agent. Reads the log
-- param alert = ''
with a as (
  select alert_id, evidence, coalesce(order_id, '') as order_id, coalesce(rma_id, '') as rma_id, coalesce(claim_id, '') as claim_id,
         case when order_id is null and rma_id is null then coalesce(customer_id, '') else '' end as customer_id,
         case when order_id is null and rma_id is null and customer_id is null then coalesce(agent, '') else '' end as agent
  from fraud_alerts where alert_id = $alert
),
keys as (
  select alert_id as subject from a
  union select order_id from a
  union select rma_id from a
  union select claim_id from a
  union select s.awb from shipments s join a on s.order_id = a.order_id
  union select s.awb from shipments s join a on s.rma_id = a.rma_id
  union select r.refund_id from refunds r join a on r.order_id = a.order_id
  union select r.refund_id from refunds r join a on r.rma_id = a.rma_id
),
told as (
  select e.*, k.subject is not null as by_subject
  from (select subject from keys where subject <> '') k
  right join events e on k.subject = e.subject
)
select e.sequence, e.index, e.time, e.source, e.id, e.type, e.subject, e.data,
       strpos(a.evidence, concat('"id":"', e.id, '"')) > 0 and strpos(a.evidence, concat('"source":"', e.source, '"')) > 0 as evidence
from a
join told e
  on e.by_subject
  or strpos(a.evidence, concat('"id":"', e.id, '"')) > 0 and strpos(a.evidence, concat('"source":"', e.source, '"')) > 0
  or a.order_id <> '' and strpos(e.data, concat('"order_id":"', a.order_id, '"')) > 0
  or a.rma_id <> '' and strpos(e.data, concat('"rma_id":"', a.rma_id, '"')) > 0
  or a.customer_id <> '' and strpos(e.data, concat('"customer_id":"', a.customer_id, '"')) > 0
  or a.agent <> '' and strpos(e.data, concat('"agent":"', a.agent, '"')) > 0
order by e.time, e.sequence, e.index
limit 500
