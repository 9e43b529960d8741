select sku, cast(date_trunc('month', delivered_at) as date) as month, sum(delivered_qty) as delivered, sum(requested_qty) as returned
from order_lines
where currency = 'GBP' and delivered_at is not null
group by 1, 2
