-- Every row of a credit note is money back, whether or not goods came with it.
select cast(date_trunc('month', "InvoiceDate") as date) as month, count(*) as refunds,
       cast(sum(cast(round("UnitPrice" * -"Quantity" * 100) as bigint)) as bigint) as amount_minor
from '{data}/uci_online_retail.parquet'
where "InvoiceNo" like 'C%'
group by 1
