-- title: Raw against adjusted, by delivery cohort
-- note: Pieces asked back ÷ pieces delivered, by the period of delivery; adjusted for the returns still to come, with the 90% interval of the final rate
-- reads: return_rates, return_maturity, rates_now, order_lines
-- param product = ''
-- param grain = 'week'
select cohort_start, delivered, returned, raw_rate, maturity, adjusted_rate, lower, upper
from return_rates
where dimension = 'sku' and value = $product
  and cohort_by = 'delivered' and grain = $grain and measure = 'units' and basis = 'requested'
order by cohort_start
