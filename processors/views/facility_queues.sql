-- What waits at each facility, for how long, how fast it gets through, and where to send more of it. Days of work are lines that wait over pieces a day that it can do, as described, else over the lines a
-- day that it did of late. Overloaded: more than a day of work waits. A facility has room when less than half a day of work waits. Of those of the same kind with room the
-- nearest is named (same first three characters of the postal code, then same first one), and of equally near ones the least loaded.
with clock as (
    select date_part('epoch', max(event_time)) as now from eddy_meta.progress
),
queues as (
    select
        f.facility,
        f.kind,
        f.pincode,
        f.to_inspect,
        f.to_restock,
        (c.now - date_part('epoch', f.oldest_to_inspect_at)) / 3600.0 as oldest_to_inspect_hours,
        (c.now - date_part('epoch', f.oldest_to_restock_at)) / 3600.0 as oldest_to_restock_hours,
        f.inspected_per_day,
        f.restocked_per_day,
        f.inspect_capacity,
        f.restock_capacity,
        f.to_inspect / nullif(coalesce(cast(f.inspect_capacity as double), f.inspected_per_day), 0.0) as inspect_days,
        f.to_restock / nullif(coalesce(cast(f.restock_capacity as double), f.restocked_per_day), 0.0) as restock_days
    from facilities f
    cross join clock c
),
loads as (
    select *, greatest(coalesce(inspect_days, 0.0), coalesce(restock_days, 0.0)) as days_of_work
    from queues
),
ranked as (
    select
        o.facility,
        h.facility as divert_to,
        row_number() over (
            partition by o.facility
            order by
                case
                    when substr(h.pincode, 1, 3) = substr(o.pincode, 1, 3) then 0
                    when substr(h.pincode, 1, 1) = substr(o.pincode, 1, 1) then 1
                    else 2
                end,
                h.days_of_work,
                h.facility
        ) as place
    from loads o
    join loads h on h.kind = o.kind
    where o.days_of_work > 1.0 and h.days_of_work < 0.5 and h.facility <> o.facility
)
select
    l.*,
    coalesce(l.inspect_days > 1.0, false) as inspection_overloaded,
    coalesce(l.restock_days > 1.0, false) as restock_overloaded,
    l.days_of_work > 1.0 as overloaded,
    r.divert_to
from loads l
left join ranked r on r.facility = l.facility and r.place = 1
