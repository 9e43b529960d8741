-- title: What the case is about
-- note: The alert itself, and the order, return, claim, parcels and refunds behind it: subjects of its events
-- reads: fraud_alerts, shipments, refunds
-- param alert = ''
with a as (
  select alert_id, order_id, rma_id, claim_id from fraud_alerts where alert_id = $alert
)
select 'alert' as kind, alert_id as subject from a
union select 'order', order_id from a where order_id is not null
union select 'return', rma_id from a where rma_id is not null
union select 'claim', claim_id from a where claim_id is not null
union select 'parcel', s.awb from shipments s join a on s.order_id = a.order_id
union select 'parcel', s.awb from shipments s join a on s.rma_id = a.rma_id
union select 'refund', r.refund_id from refunds r join a on r.order_id = a.order_id
union select 'refund', r.refund_id from refunds r join a on r.rma_id = a.rma_id
order by 1, 2
limit 400
