-- title: Why do products of a category come back?
-- role: merchandiser
-- note: Return lines by category and reason group
-- reads: returns
select category,
       reason_group,
       count(*) as lines,
       sum(qty) as units
from returns
group by category, reason_group
order by lines desc
limit 100
