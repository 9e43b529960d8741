select o.destination_state as state, l.category, count(distinct o.order_id) as orders
from orders o
join order_lines l on l.order_id = o.order_id
where o.currency = 'INR'
group by o.destination_state, l.category
