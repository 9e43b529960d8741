-- Amounts in paise, to the paisa; lines without an amount count nothing.
select cast(date_trunc('month', "Date") as date) as month,
       count(distinct "Order ID") as orders,
       count(*) as lines,
       cast(sum(cast(round(coalesce("Amount", 0) * 100) as bigint)) as bigint) as value_minor
from '{data}/amazon_india_sale_report.parquet'
group by 1
