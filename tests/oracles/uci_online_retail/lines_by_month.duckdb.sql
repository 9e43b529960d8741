-- Lines and invoices; a repeated line is counted as often as it stands in the file.
select cast(date_trunc('month', "InvoiceDate") as date) as month, count(distinct "InvoiceNo") as orders, count(*) as lines
from '{data}/uci_online_retail.parquet'
where "InvoiceNo" like '5%' and "Quantity" > 0
group by 1
