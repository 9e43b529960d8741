select cast(date_trunc('month', placed_at) as date) as month, sum(value_minor) as value_minor, sum(shipping_fee_minor) as shipping_fee_minor
from orders
where currency = 'BRL'
group by 1
