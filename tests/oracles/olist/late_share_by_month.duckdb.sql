-- The promise is a date: what came on that date, at whatever hour, was in time. Months are those of the purchase.
select cast(date_trunc('month', order_purchase_timestamp) as date) as month,
       count(*) as delivered,
       count(*) filter (order_delivered_customer_date::date > order_estimated_delivery_date::date) as late,
       count(*) filter (order_delivered_customer_date::date > order_estimated_delivery_date::date) / count(*) as share
from '{data}/olist_sample_orders.parquet'
where order_status = 'delivered' and order_delivered_customer_date is not null
group by 1
