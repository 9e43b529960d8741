-- title: Categories and suppliers
-- note: What to filter products by, those with most pieces delivered first
-- reads: rates_now
select dimension, value, delivered
from rates_now
where dimension in ('category', 'supplier')
order by dimension, delivered desc, value
limit 600
