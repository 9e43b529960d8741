-- title: The decision
-- note: As it was told, and the parcel as it stands now
-- reads: routing_decisions, shipments
-- param decision = ''
select d.*,
       coalesce(d.awb, p.awb) as parcel,
       coalesce(s.courier, p.courier) as courier_now,
       coalesce(s.status, p.status) as status_now,
       coalesce(s.attempts, p.attempts) as attempts_now,
       coalesce(s.origin_pincode, p.origin_pincode) as origin_pincode,
       coalesce(s.destination_pincode, p.destination_pincode) as destination_pincode,
       coalesce(s.payment_mode, p.payment_mode) as payment_mode,
       coalesce(s.currency, p.currency) as currency,
       coalesce(s.promised_at, p.promised_at) as promised_at,
       coalesce(s.delivered_at, p.delivered_at) as delivered_at,
       s.picked_up_at as picked_up_at,
       s.ndr_reason as ndr_reason
from routing_decisions d
left join shipments s on s.awb = d.awb
left join shipments p on d.rma_id is not null and p.rma_id = d.rma_id
where d.decision_id = $decision
limit 1
