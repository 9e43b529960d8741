-- Lines graded sellable (a or b) that were not back on the shelf within the term of `restock_overdue` after their inspection. Lines that it was decided to send another way are left out.
with clock as (
    select date_part('epoch', max(event_time)) as now from eddy_meta.progress
),
term as (
    select hours from sla_terms where sla = 'restock_overdue'
),
sellable as (
    select
        coalesce(r.facility, 'unknown') as facility,
        coalesce(r.category, 'unknown') as category,
        r.currency,
        r.value_minor,
        r.restocked_at is null as waits,
        coalesce(date_part('epoch', r.restocked_at), c.now) - date_part('epoch', r.inspected_at) > t.hours * 3600 as missed
    from returns r
    cross join clock c
    cross join term t
    where r.grade in ('a', 'b') and r.inspected_at is not null
        and (r.disposition is null or r.disposition = 'restock')
        and (r.restocked_at is not null or r.ended_at is null)
)
select
    facility,
    category,
    currency,
    count(*) as sellable,
    sum(case when missed then 1 else 0 end) as missed,
    sum(case when missed and waits then 1 else 0 end) as still_waiting,
    sum(case when missed and waits then value_minor else 0 end) as waiting_value_minor,
    sum(case when missed then 1.0 else 0.0 end) / count(*) as share_missed
from sellable
group by facility, category, currency
