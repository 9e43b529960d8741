-- title: Grades, dispositions and money recovered
-- note: Lines of this product that came back: as graded, where they went, what was refunded and what was got back for them
-- reads: returns
-- param product = ''
select coalesce(grade, 'not graded') as grade,
       coalesce(disposition, 'not decided') as disposition,
       max(currency) as currency,
       count(*) as lines,
       sum(received_qty) as pieces,
       sum(refund_minor) as refund_minor,
       sum(recovered_minor) as recovered_minor
from returns
where sku = $product and received_at is not null
group by 1, 2
order by 4 desc, 1, 2
