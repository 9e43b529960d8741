-- By cohort: a return counts in the month in which its goods were delivered. It belongs to the latest purchase of the same stock code by
-- the same buyer, at its time or before, that still holds so many pieces; returns are taken in the order of the file.
with recursive numbered as (
  select row_number() over () as n, "InvoiceNo" as invoice, trim("StockCode") as sku, "Quantity" as qty, "InvoiceDate" as stamp, "CustomerID" as customer,
         "InvoiceNo" like 'C%' as credit,
         "StockCode" in ('AMAZONFEE', 'B', 'BANK CHARGES', 'C2', 'CRUK', 'D', 'DOT', 'M', 'm', 'POST', 'S') as service
  from '{data}/uci_online_retail.parquet'
  where "InvoiceNo" not like 'A%' and ("InvoiceNo" like 'C%' or "Quantity" > 0)
),
-- An invoice stands where its first row stands.
ordered as (select *, min(n) over (partition by invoice) as g, min(stamp) over (partition by invoice) as invoice_at from numbered),
wants as (
  select customer, sku, -qty as qty, stamp, row_number() over (partition by customer, sku order by g, n) as k
  from ordered where credit and not service and customer is not null
),
offers as (
  select customer, sku, list(stamp order by stamp, g, n) as ats, list(qty order by stamp, g, n) as qtys, list(n order by stamp, g, n) as ns
  from ordered where not credit and not service and customer is not null and (customer, sku) in (select (customer, sku) from wants)
  group by 1, 2
),
matched as (
  select o.customer, o.sku, 0 as k, o.ats, o.qtys as rest, o.ns, cast(null as bigint) as n, cast(0 as integer) as qty from offers o
  union all
  select customer, sku, k, ats,
         list_transform(range(1, len(rest) + 1), lambda i: rest[i] - case when i = pick then want else 0 end),
         ns, ns[pick], want
  from (
    select m.customer, m.sku, w.k, m.ats, m.rest, m.ns, w.qty as want,
           list_max(list_filter(range(1, len(m.rest) + 1), lambda i: m.ats[i] <= w.stamp and m.rest[i] >= w.qty)) as pick
    from matched m
    join wants w on w.customer = m.customer and w.sku = m.sku and w.k = m.k + 1
  )
),
returned as (select n, sum(qty) as qty from matched where n is not null group by 1)
select o.sku, cast(date_trunc('month', o.invoice_at) as date) as month,
       cast(sum(o.qty) as bigint) as delivered, cast(coalesce(sum(r.qty), 0) as bigint) as returned
from ordered o
left join returned r on r.n = o.n
where not o.credit
group by 1, 2
