-- title: This product, its style and its category
-- note: Rates of the last 90 days of delivery, as of the last closed day, beside the product's record in the catalogue
-- reads: rates_now, skus
-- param product = ''
with known as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
)
select k.sku, k.style, k.category, s.size, s.price_minor, s.currency, s.supplier_id,
       s.delivered as ever_delivered, s.requested as ever_requested,
       r.dimension, r.value, r.window_start, r.window_end, r.delivered, r.returned, r.raw_rate, r.maturity,
       r.adjusted_rate, r.lower, r.upper, r.propensity, r.propensity_lower, r.propensity_upper, r.peer_rate, r.excess_lower,
       r.at_stake_minor, r.delivered_value_minor, r.returned_value_minor, r.trend, r.top_reason, r.top_reason_share, r.prior_rate, r.prior_strength
from known k
left join (select * from skus where sku = $product) s on s.sku = k.sku
left join (select * from rates_now where dimension in ('sku', 'style', 'category')) r
  on (r.dimension = 'sku' and r.value = k.sku) or (r.dimension = 'style' and r.value = k.style) or (r.dimension = 'category' and r.value = k.category)
order by case r.dimension when 'sku' then 1 when 'style' then 2 else 3 end
