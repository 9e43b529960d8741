-- title: Products with an anomaly under way
-- note: Anomalies that have not ended, by the value they are about
-- reads: anomalies
select dimension, value, count(*) as anomalies, min(anomaly_id) as anomaly_id
from anomalies
where subject = 'return_rate' and dimension in ('sku', 'style', 'category', 'supplier') and ended is null
group by 1, 2
order by 1, 2
limit 2000
