-- A parcel an order, once it was handed over; picked up when the handover is known and no delivery.
select case when order_status = 'delivered' then 'delivered' else 'picked_up' end as status, count(*) as shipments
from '{data}/olist_sample_orders.parquet' o
where order_delivered_carrier_date is not null
  and exists (select 1 from '{data}/olist_sample_order_items.parquet' i where i.order_id = o.order_id)
group by 1
