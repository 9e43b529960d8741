-- title: Values of the dimension
-- note: The values with most units delivered, to filter by
-- reads: return_rates, order_lines, return_maturity, rates_now
-- param dimension = 'channel'
select value,
       sum(delivered) as delivered
from return_rates
where cohort_by = 'delivered' and measure = 'units' and basis = 'requested' and grain = 'month'
  and dimension = $dimension
group by 1
order by delivered desc, value
limit 200
