-- title: Scores of settled parcels
-- note: Parcels whose end is known, by stage and by probability in steps of a hundredth, as they ended
-- reads: ndr_scores, shipments
with clock as (select max(event_time) as now from eddy_meta.progress),
settled as (
  select n.stage, n.probability, n.sequence,
         coalesce(s.currency, '') as currency,
         coalesce(s.declared_value_minor, 0) as value_minor,
         case when s.status = 'delivered' then 0 else 1 end as failed,
         n.scored_at >= clock.now - interval '30 days' as recent
  from ndr_scores n
  join shipments s on s.awb = n.awb
  cross join clock
  where n.stage in ('manifested', 'out_for_delivery', 'attempt_failed')
    and coalesce(s.leg, 'forward') = 'forward'
    and s.status in ('delivered', 'rto_initiated', 'rto_delivered', 'lost', 'damaged')
)
select stage,
       cast(floor(probability * 100) as int) as bin,
       recent,
       currency,
       count(*) as parcels,
       sum(failed) as failed,
       sum(failed * value_minor) as failed_value_minor,
       sum(failed * cast(value_minor as double) * value_minor) as failed_value_squared,
       min(sequence) as first_sequence
from settled
group by 1, 2, 3, 4
order by 1, 2, 3, 4
