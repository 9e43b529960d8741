-- A parcel a line; what each status says of it.
select case "Status"
         when 'Cancelled' then 'cancelled'
         when 'Pending' then 'manifested'
         when 'Pending - Waiting for Pick Up' then 'manifested'
         when 'Shipping' then 'manifested'
         when 'Shipped' then 'in_transit'
         when 'Shipped - Picked Up' then 'picked_up'
         when 'Shipped - Out for Delivery' then 'out_for_delivery'
         when 'Shipped - Delivered to Buyer' then 'delivered'
         when 'Shipped - Rejected by Buyer' then 'delivery_failed'
         when 'Shipped - Returning to Seller' then 'rto_initiated'
         when 'Shipped - Returned to Seller' then 'rto_delivered'
         when 'Shipped - Lost in Transit' then 'lost'
         when 'Shipped - Damaged' then 'damaged'
       end as status,
       case "Fulfilment" when 'Merchant' then 'easy_ship' else 'amazon' end as courier,
       count(*) as shipments
from '{data}/amazon_india_sale_report.parquet'
group by 1, 2
