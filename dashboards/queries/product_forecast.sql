-- title: Forecast of arrivals of its category
-- note: Pieces expected to arrive in the next 14 days by facility, as of the last forecast, with 80% interval; beside it how what was forecast a fortnight ago of the last 14 turned out
-- reads: return_forecast
-- param product = ''
with own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
)
select f.facility, f.day, f.made_on, f.horizon_days, f.expected, f.p10, f.p50, f.p90, f.actual, f.actual is null as ahead
from return_forecast f
join own on f.category = own.category
order by f.facility, f.day
limit 4000
