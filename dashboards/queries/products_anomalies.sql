-- title: Products with an anomaly under way
-- note: Anomalies that have not ended, by the value they are about
-- reads: anomalies
-- param level = 'sku'
select value, count(*) as anomalies, min(anomaly_id) as anomaly_id
from anomalies
where dimension = $level and ended is null
group by value
order by value
limit 2000
