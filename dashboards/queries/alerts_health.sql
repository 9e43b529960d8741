-- title: Alerts and how often they are right
-- note: Waiting now, and of those decided within 90 days of event time the ones that were confirmed. Dismissed and overturned count as wrong; one appealed is not decided
-- reads: fraud_alerts
with clock as (select max(event_time) as now from eddy_meta.progress),
told as (
  select a.pattern, a.currency, a.expected_loss_minor, a.confirmed_loss_minor, a.raised_at,
         a.status in ('open', 'assigned', 'needs_more', 'appealed') as waits,
         a.status in ('confirmed', 'dismissed', 'overturned') and a.updated_at >= clock.now - interval '90 days' as decided,
         a.status = 'confirmed' and a.updated_at >= clock.now - interval '90 days' as confirmed
  from fraud_alerts a
  cross join clock
)
select pattern,
       currency,
       sum(case when waits then 1 else 0 end) as waiting,
       sum(case when waits then expected_loss_minor else 0 end) as expected_loss_minor,
       min(case when waits then raised_at end) as oldest_at,
       sum(case when decided then 1 else 0 end) as decided,
       sum(case when confirmed then 1 else 0 end) as confirmed,
       sum(case when confirmed then coalesce(confirmed_loss_minor, 0) else 0 end) as confirmed_loss_minor
from told
group by 1, 2
order by 4 desc, 1, 2
