-- title: What decisions are expected to do
-- note: All decisions by stage: how many were recommended, and the risk before and after
-- reads: routing_decisions
select stage,
       count(*) as decisions,
       sum(case when recommended and action <> 'rto' then 1 else 0 end) as acted,
       sum(risk_before) as risk_before,
       sum(case when recommended and action <> 'rto' then risk_after else risk_before end) as risk_after
from routing_decisions
group by stage
order by stage
