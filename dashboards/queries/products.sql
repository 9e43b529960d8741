-- title: Products by what is surely at stake
-- note: Pieces delivered in the last 90 days and asked back until now, as of the last closed day. At stake: the lower bound of the excess over the category, times the value delivered
-- reads: rates_now
-- param level = 'sku'
-- param category = ''
-- param style = ''
-- param supplier = ''
-- param search = ''
-- param least = '0'
-- param sort = 'at_stake'
-- param way = 'down'
-- param offset = 0
select value, category, style, window_start, window_end, delivered, returned, raw_rate, maturity, adjusted_rate, lower, upper,
       propensity, propensity_lower, propensity_upper, peer_rate, excess_lower, at_stake_minor, currency,
       trend, top_reason, top_reason_share,
       greatest(0, adjusted_rate * delivered - returned) as to_come
from rates_now
where dimension = $level
  and ($category = '' or category = $category)
  and ($style = '' or style = $style)
  and ($supplier = '' or value in (select sku from skus where supplier_id = $supplier))
  and ($search = '' or strpos(lower(value), lower($search)) > 0)
  and delivered >= coalesce(try_cast($least as bigint), 0)
order by case when $sort = 'value' and $way = 'up' then value end,
         case when $sort = 'value' and $way = 'down' then value end desc,
         case when $way = 'up' then 1 else -1 end * case $sort
           when 'at_stake' then cast(at_stake_minor as double)
           when 'delivered' then cast(delivered as double)
           when 'returned' then cast(returned as double)
           when 'raw' then raw_rate
           when 'maturity' then maturity
           when 'adjusted' then adjusted_rate
           when 'against' then propensity - peer_rate
           when 'trend' then trend
           when 'to_come' then adjusted_rate * delivered - returned
         end nulls last,
         value
limit 200 offset $offset
