-- title: What the probability is made of
-- note: All findings about the return together, oddness, and what is known of the customer; the latest score
-- reads: return_scores
-- param alert = ''
select s.rma_id, s.score, s.expected_loss_minor, s.currency, s.contributions, s.rarity, s.sequence, s.scored_at
from return_scores s
join fraud_alerts a on a.rma_id = s.rma_id
where a.alert_id = $alert
limit 1
