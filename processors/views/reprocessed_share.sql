-- Lines inspected more than once, by where they were handled and by category.
select
    coalesce(facility, 'unknown') as facility,
    coalesce(category, 'unknown') as category,
    count(*) as inspected,
    sum(case when inspections > 1 then 1 else 0 end) as reprocessed,
    sum(case when inspections > 1 then 1.0 else 0.0 end) / count(*) as share
from returns
where inspections > 0
group by coalesce(facility, 'unknown'), coalesce(category, 'unknown')
