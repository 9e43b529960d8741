select cast(date_trunc('month', placed_at) as date) as month, count(*) as orders, sum(lines) as lines
from orders
where currency = 'GBP'
group by 1
