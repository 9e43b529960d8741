-- title: What came of it, in the log
-- note: Events about the decision and its parcel from the decision's own batch on. Reads the log
-- param decision = ''
select e.sequence, e.index, e.time, e.type, e.subject, e.source, e.data
from events e
join routing_decisions d on e.subject in (d.decision_id, coalesce(d.awb, d.rma_id), d.order_id)
where e.sequence >= try_cast(split_part(substr($decision, 2), '-', 1) as bigint)
  and d.decision_id = $decision
order by e.time, e.sequence, e.index
limit 200
