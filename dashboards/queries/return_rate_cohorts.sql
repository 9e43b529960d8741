-- title: Return rate by delivery cohort, raw
-- note: Units requested back ÷ units delivered, by the period of delivery. Raw: not adjusted for maturity
-- reads: return_rates, order_lines, return_maturity, rates_now
-- param dimension = 'channel'
-- param value = ''
-- param grain = 'week'
-- param from = timestamp '1970-01-01T00:00:00Z'
-- param to = timestamp '2100-01-01T00:00:00Z'
select cast(cohort_start as date) as cohort,
       sum(delivered) as delivered,
       sum(returned) as returned,
       sum(returned) * 1.0 / nullif(sum(delivered), 0) as raw_rate
from return_rates
where cohort_by = 'delivered'
  and measure = 'units'
  and basis = 'requested'
  and grain = $grain
  and dimension = $dimension
  and ($value = '' or value = $value)
  and cohort_start >= cast($from as date) and cohort_start < cast($to as date)
group by 1
order by 1
