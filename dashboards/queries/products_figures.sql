-- title: Products in the filter
-- note: How many pass the filter, what was delivered of them and asked back, and how many are surely above their category: the lower bound of their propensity is above the category's rate
-- reads: rates_now
-- param level = 'sku'
-- param category = ''
-- param style = ''
-- param supplier = ''
-- param search = ''
-- param least = '0'
select count(*) as products,
       sum(delivered) as delivered,
       sum(returned) as returned,
       sum(adjusted_rate * delivered) / nullif(sum(delivered), 0) as adjusted_rate,
       sum(maturity * adjusted_rate * delivered) / nullif(sum(adjusted_rate * delivered), 0) as maturity,
       sum(case when excess_lower > 0 then 1 else 0 end) as above,
       sum(case when at_stake_minor > 0 then at_stake_minor else 0 end) as at_stake_minor,
       max(currency) as currency,
       min(window_start) as window_start,
       max(window_end) as window_end
from rates_now
where dimension = $level
  and ($category = '' or category = $category)
  and ($style = '' or style = $style)
  and ($supplier = '' or value in (select sku from skus where supplier_id = $supplier))
  and ($search = '' or strpos(lower(value), lower($search)) > 0)
  and delivered >= coalesce(try_cast($least as bigint), 0)
