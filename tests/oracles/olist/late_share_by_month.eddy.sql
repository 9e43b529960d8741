select cast(date_trunc('month', o.placed_at) as date) as month,
       count(*) as delivered,
       count(*) filter (where cast(s.delivered_at as date) > cast(s.promised_at as date)) as late,
       cast(count(*) filter (where cast(s.delivered_at as date) > cast(s.promised_at as date)) as double) / cast(count(*) as double) as share
from shipments s
join orders o on o.order_id = s.order_id
where s.courier = 'olist' and s.status = 'delivered'
group by 1
