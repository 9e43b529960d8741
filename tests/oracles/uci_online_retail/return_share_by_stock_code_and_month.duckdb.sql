-- By the calendar: pieces delivered in a month and pieces sent back in it. Delivered at the invoice date; exact duplicates are one line
-- repeated and stay. Negative rows without C correct the stock, invoices with A correct debt, and a credit for a charge (postage,
-- discount, manual, ...) is no return.
with rows as (
  select trim("StockCode") as sku, cast(date_trunc('month', "InvoiceDate") as date) as month, "Quantity" as qty,
         "InvoiceNo" like 'C%' as credit,
         "StockCode" in ('AMAZONFEE', 'B', 'BANK CHARGES', 'C2', 'CRUK', 'D', 'DOT', 'M', 'm', 'POST', 'S') as service
  from '{data}/uci_online_retail.parquet'
  where "InvoiceNo" not like 'A%' and ("InvoiceNo" like 'C%' or "Quantity" > 0)
),
delivered as (select sku, month, sum(qty) as qty from rows where not credit group by 1, 2),
returned as (select sku, month, sum(-qty) as qty from rows where credit and not service group by 1, 2)
select coalesce(d.sku, r.sku) as sku, coalesce(d.month, r.month) as month,
       cast(coalesce(d.qty, 0) as bigint) as delivered, cast(coalesce(r.qty, 0) as bigint) as returned,
       coalesce(r.qty, 0) / d.qty as share
from delivered d
full join returned r on r.sku = d.sku and r.month = d.month
