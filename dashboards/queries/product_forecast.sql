-- title: Forecast of arrivals of its category
-- note: Pieces expected to arrive in the next 14 days by facility, as of the last forecast, with 80% interval; beside it how the forecasts of the last 28 closed days turned out
-- reads: return_forecast
-- param product = ''
with own as (
  select s.sku, coalesce(s.style, r.style) as style, coalesce(s.category, r.category) as category
  from (select * from skus where sku = $product) s
  left join (select * from rates_now where dimension = 'sku' and value = $product) r on r.value = s.sku
),
told as (select f.* from return_forecast f join own on f.category = own.category),
newest as (select max(made_on) as made_on from told)
select t.facility, t.day, t.made_on, t.horizon_days, t.expected, t.p10, t.p50, t.p90, t.actual, t.made_on = newest.made_on as ahead
from told t
cross join newest
where t.made_on = newest.made_on or (t.actual is not null and t.day >= newest.made_on - interval '28 days' and t.horizon_days = 7)
order by t.facility, t.day, t.made_on
limit 4000
