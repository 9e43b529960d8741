-- title: Observed against expected
-- note: Adjusted rate of the series the anomaly is about, by week of delivery, with the 90% interval of the final rate
-- reads: return_rates, return_maturity, rates_now, order_lines
-- param series = 'all'
-- param of = 'all'
-- param grain = 'week'
select cohort_start, delivered, returned, raw_rate, maturity, adjusted_rate, lower, upper
from return_rates
where dimension = $series and value = $of
  and cohort_by = 'delivered' and grain = $grain and measure = 'units' and basis = 'requested'
order by cohort_start
