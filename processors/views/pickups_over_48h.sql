-- Pickups of returns that took, or have been waiting, more than 48 hours since they were authorised (else asked for), by how the order was paid.
with clock as (
    select date_part('epoch', max(event_time)) as now from eddy_meta.progress
),
pickups as (
    select
        rma_id,
        max(coalesce(payment_mode, 'unknown')) as payment_mode,
        date_part('epoch', min(coalesce(authorised_at, initiated_at))) as asked,
        date_part('epoch', min(coalesce(picked_up_at, received_at))) as picked_up
    from return_steps
    where method = 'pickup' and initiated_at is not null
        and (picked_up_at is not null or received_at is not null or status not in ('cancelled', 'rejected', 'closed'))
    group by rma_id
)
select
    payment_mode,
    count(*) as pickups,
    count(picked_up) as picked_up,
    sum(case when coalesce(picked_up, now) - asked > 48 * 3600 then 1 else 0 end) as over_48h,
    sum(case when picked_up is null and now - asked > 48 * 3600 then 1 else 0 end) as waiting_over_48h,
    sum(case when coalesce(picked_up, now) - asked > 48 * 3600 then 1.0 else 0.0 end) / count(*) as share_over_48h,
    approx_percentile_cont(0.5) within group (order by (picked_up - asked) / 3600.0) as hours_p50,
    approx_percentile_cont(0.9) within group (order by (picked_up - asked) / 3600.0) as hours_p90
from pickups
cross join clock
group by payment_mode
