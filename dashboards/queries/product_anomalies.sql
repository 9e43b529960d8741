-- title: Anomalies of this product
-- note: Shifts told of the product or of its style, the latest first
-- reads: anomalies
-- param product = ''
with own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
)
select anomaly_id, dimension, value, reason_group, direction, onset, window_end, observed, expected, delivered, factor, q_value, at_stake_minor, currency, status, ended
from anomalies
where subject = 'return_rate'
  and ((dimension = 'sku' and value = $product)
    or (dimension = 'style' and value in (select style from own))
    or (dimension = 'style,size' and value in (select concat(style, ',', size) from skus where sku = $product)))
order by onset desc, anomaly_id
limit 50
