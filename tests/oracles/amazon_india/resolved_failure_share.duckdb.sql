-- Merchant-fulfilled lines whose end is known: delivered, or coming or gone back, refused, lost, damaged. 2,115 of 30,884.
select count(*) filter ("Status" <> 'Shipped - Delivered to Buyer') as failed,
       count(*) as resolved,
       count(*) filter ("Status" <> 'Shipped - Delivered to Buyer') / count(*) as share
from '{data}/amazon_india_sale_report.parquet'
where "Fulfilment" = 'Merchant'
  and "Status" in ('Shipped - Delivered to Buyer', 'Shipped - Returned to Seller', 'Shipped - Returning to Seller',
                   'Shipped - Rejected by Buyer', 'Shipped - Lost in Transit', 'Shipped - Damaged')
