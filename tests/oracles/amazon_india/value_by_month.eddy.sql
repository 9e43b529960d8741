select cast(date_trunc('month', placed_at) as date) as month,
       count(*) as orders,
       sum(lines) as lines,
       sum(value_minor) as value_minor
from orders
where currency = 'INR'
group by 1
