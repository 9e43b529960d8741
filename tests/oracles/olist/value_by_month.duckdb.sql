-- Value of the goods in centavos by month, and the freight beside it.
select cast(date_trunc('month', o.order_purchase_timestamp) as date) as month,
       cast(sum(cast(round(i.price * 100) as bigint)) as bigint) as value_minor,
       cast(sum(cast(round(i.freight_value * 100) as bigint)) as bigint) as shipping_fee_minor
from '{data}/olist_sample_orders.parquet' o
join '{data}/olist_sample_order_items.parquet' i using (order_id)
group by 1
