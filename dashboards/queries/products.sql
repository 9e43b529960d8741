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
with ranked as (
  -- The place alone, of few columns: keeping the best 30,200 rows whole for a window far down would take a gigabyte.
  select value as named,
         row_number() over (
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
         ) as place
  from rates_now
  where dimension = $level
    and ($category = '' or category = $category)
    and ($style = '' or style = $style)
    and ($supplier = '' or value in (select sku from skus where supplier_id = $supplier))
    and ($search = '' or strpos(lower(value), lower($search)) > 0)
    and delivered >= coalesce(try_cast($least as bigint), 0)
)
select r.value, r.category, r.style, r.window_start, r.window_end, r.delivered, r.returned, r.raw_rate, r.maturity, r.adjusted_rate, r.lower, r.upper,
       r.propensity, r.propensity_lower, r.propensity_upper, r.peer_rate, r.excess_lower, r.at_stake_minor, r.currency,
       r.trend, r.top_reason, r.top_reason_share,
       greatest(0, r.adjusted_rate * r.delivered - r.returned) as to_come
from ranked k
join rates_now r on r.value = k.named
where r.dimension = $level and k.place > $offset and k.place <= $offset + 200
order by k.place
