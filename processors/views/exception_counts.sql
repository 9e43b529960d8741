-- Exceptions counted by category, facility and family.
select
    exception,
    facility,
    family,
    count(*) as exceptions,
    sum(case when open then 1 else 0 end) as open,
    min(case when open then since end) as oldest_open_at
from exceptions
group by exception, facility, family
