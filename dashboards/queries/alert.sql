-- title: The alert
-- note: As it stands now; expected loss is probability times what would be lost
-- reads: fraud_alerts
-- param alert = ''
select a.*
from fraud_alerts a
where a.alert_id = $alert
limit 1
