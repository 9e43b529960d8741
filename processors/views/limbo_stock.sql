-- Goods received that are neither on the shelf nor gone another way, by facility and by the time since their receipt. What goes back to the supplier is left out.
with clock as (
    select date_part('epoch', max(event_time)) as now from eddy_meta.progress
),
limbo as (
    select
        coalesce(r.facility, 'unknown') as facility,
        case
            when r.inspected_at is null then 'inspection'
            when r.disposition is null then 'decision'
            else r.disposition
        end as waits_for,
        r.qty,
        r.value_minor,
        r.currency,
        r.received_at,
        (c.now - date_part('epoch', r.received_at)) / 86400.0 as days
    from returns r
    cross join clock c
    where r.received_at is not null and r.ended_at is null
        and (r.disposition is null or r.disposition <> 'vendor')
)
select
    facility,
    waits_for,
    case
        when days < 2 then 1
        when days < 7 then 2
        when days < 14 then 3
        when days < 30 then 4
        else 5
    end as age_band_no,
    case
        when days < 2 then 'under 2 days'
        when days < 7 then '2 to 7 days'
        when days < 14 then '7 to 14 days'
        when days < 30 then '14 to 30 days'
        else '30 days and more'
    end as age_band,
    currency,
    count(*) as lines,
    sum(qty) as units,
    sum(value_minor) as value_minor,
    min(received_at) as oldest_at
from limbo
group by facility, waits_for, age_band_no, age_band, currency
