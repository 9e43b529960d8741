-- title: What the risk is made of
-- note: The latest score of the stage, in log-odds: the reasons add up to it
-- reads: ndr_scores
-- param decision = ''
select n.subject, n.stage, n.sequence, n.scored_at, n.probability, n.attempt_probability, n.threshold, n.model_version, n.contributions
from ndr_scores n
join routing_decisions d on n.subject = coalesce(d.awb, d.rma_id, d.order_id) and n.stage = d.stage
where d.decision_id = $decision
limit 1
