-- Refunds against their term: as stated (`due_at`), else the policy's after they were initiated. One that is not due yet and not issued counts nowhere.
with clock as (
    select date_part('epoch', max(event_time)) as now from eddy_meta.progress
),
terms as (
    select
        coalesce(f.tender, 'unknown') as tender,
        date_part('epoch', f.issued_at) as issued,
        c.now,
        coalesce(
            date_part('epoch', f.due_at),
            date_part('epoch', coalesce(f.initiated_at, f.failed_at, f.issued_at)) + t.hours * 3600
        ) as due
    from refunds f
    cross join clock c
    cross join (select hours from sla_terms where sla = 'refund_overdue') as t
)
select
    tender,
    cast(date_trunc('month', to_timestamp_seconds(cast(due as bigint))) as date) as due_month,
    count(*) as refunds,
    sum(case when issued <= due then 1 else 0 end) as in_time,
    sum(case when issued > due then 1 else 0 end) as late,
    sum(case when issued is null and now > due then 1 else 0 end) as overdue,
    sum(case when issued <= due then 1.0 else 0.0 end)
        / nullif(sum(case when issued is not null or now > due then 1.0 else 0.0 end), 0.0) as adherence
from terms
where due is not null
group by tender, cast(date_trunc('month', to_timestamp_seconds(cast(due as bigint))) as date)
