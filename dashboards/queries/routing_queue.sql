-- title: Action queue
-- note: Recommended, still valid by event time, still possible as the parcel stands, and nobody has answered yet
-- reads: routing_decisions, shipments, eddy_meta.progress
with clock as (select max(event_time) as now from eddy_meta.progress)
select d.decision_id, d.stage, d.action, d.from_courier, d.to_courier, d.to_hub,
       d.awb, d.rma_id, d.order_id,
       coalesce(d.awb, p.awb) as parcel,
       d.risk_before, d.risk_after, d.expected_gain_minor,
       coalesce(s.currency, p.currency) as currency,
       d.reason, d.valid_until, d.alternatives
from routing_decisions d
cross join clock
left join shipments s on s.awb = d.awb
left join (select rma_id, max(awb) as awb, max(currency) as currency, max(picked_up_at) as picked_up_at from shipments where rma_id is not null group by rma_id) p
       on p.rma_id = d.rma_id
where d.recommended
  and d.outcome is null
  and d.valid_until > clock.now
  and case d.stage when 'attempt_failed' then s.status = 'delivery_failed'
                   when 'reverse_pickup' then p.picked_up_at is null
                   else s.picked_up_at is null and coalesce(s.status, 'manifested') = 'manifested' end
order by d.expected_gain_minor desc, d.decision_id
limit 200
