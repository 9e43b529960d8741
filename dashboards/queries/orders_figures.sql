-- title: Orders
-- note: Orders placed in the range, by currency
-- reads: orders
-- param from = timestamp '1970-01-01T00:00:00Z'
-- param to = timestamp '2100-01-01T00:00:00Z'
select coalesce(currency, '') as currency,
       count(*) as orders,
       sum(value_minor) as value_minor,
       sum(case when payment_mode = 'cod' then 1 else 0 end) as cod_orders,
       sum(case when status = 'cancelled' then 1 else 0 end) as cancelled_orders
from orders
where placed_at >= $from and placed_at < $to
group by 1
order by orders desc, currency
