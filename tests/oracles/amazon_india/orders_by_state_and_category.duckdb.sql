-- States by their usual spelling; an order with two categories counts once in each.
with lines as (
  select "Order ID" as order_id, "Category" as category,
         upper(trim(regexp_replace("ship-state", '\s+', ' ', 'g'))) as written
  from '{data}/amazon_india_sale_report.parquet'
)
select case written
         when 'AR' then 'ARUNACHAL PRADESH'
         when 'NEW DELHI' then 'DELHI'
         when 'NL' then 'NAGALAND'
         when 'ORISSA' then 'ODISHA'
         when 'PB' then 'PUNJAB'
         when 'PUNJAB/MOHALI/ZIRAKPUR' then 'PUNJAB'
         when 'PONDICHERRY' then 'PUDUCHERRY'
         when 'RAJSHTHAN' then 'RAJASTHAN'
         when 'RAJSTHAN' then 'RAJASTHAN'
         when 'RJ' then 'RAJASTHAN'
         else written
       end as state,
       category,
       count(distinct order_id) as orders
from lines
group by 1, 2
