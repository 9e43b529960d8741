-- Orders without an item have no line and no category; the loader refuses them as order_without_items.
select c.customer_state as state, p.product_category_name as category, count(distinct o.order_id) as orders
from '{data}/olist_sample_orders.parquet' o
join '{data}/olist_sample_customers.parquet' c using (customer_id)
join '{data}/olist_sample_order_items.parquet' i using (order_id)
join '{data}/olist_products.parquet' p using (product_id)
group by 1, 2
