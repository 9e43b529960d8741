-- Figures of operations by month of the tenant's UTC calendar, one row a figure. Each is reckoned from the rows of its month, so no figure is a mean of means.
with lines as (
    select
        coalesce(channel, 'unknown') as channel,
        coalesce(facility, 'unknown') as facility,
        coalesce(category, 'unknown') as category,
        coalesce(payment_mode, 'unknown') as payment_mode,
        date_trunc('month', initiated_at) as initiated_month,
        date_trunc('month', inspected_at) as inspected_month,
        date_part('epoch', initiated_at) as initiated,
        date_part('epoch', coalesce(picked_up_at, received_at)) as picked_up,
        date_part('epoch', coalesce(authorised_at, initiated_at)) as asked,
        date_part('epoch', received_at) as received,
        date_part('epoch', inspected_at) as inspected,
        date_part('epoch', ended_at) as ended,
        inspections,
        first_grade,
        grade,
        method
    from return_steps
),
figures as (
    select 'return_cycle_time_p50' as name, 'channel' as dimension, channel as value, initiated_month as month,
        approx_percentile_cont(0.5) within group (order by (ended - initiated) / 3600.0) as figure, 'hours' as unit
    from lines where ended is not null group by channel, initiated_month
    union all
    select 'return_cycle_time_p90', 'channel', channel, initiated_month,
        approx_percentile_cont(0.9) within group (order by (ended - initiated) / 3600.0), 'hours'
    from lines where ended is not null group by channel, initiated_month
    union all
    select 'share_received', 'channel', channel, initiated_month,
        sum(case when received is not null then 1.0 else 0.0 end) / count(*), 'share'
    from lines where initiated is not null group by channel, initiated_month
    union all
    select 'pickups_over_48h', 'payment_mode', payment_mode, initiated_month,
        sum(case when picked_up - asked > 48 * 3600 then 1.0 else 0.0 end) / count(*), 'share'
    from lines where method = 'pickup' and picked_up is not null group by payment_mode, initiated_month
    union all
    select 'inspection_dwell_p50', 'facility', facility, inspected_month,
        approx_percentile_cont(0.5) within group (order by (inspected - received) / 3600.0), 'hours'
    from lines where inspected is not null and received is not null group by facility, inspected_month
    union all
    select 'first_pass_inspection_accuracy', 'facility', facility, inspected_month,
        sum(case when first_grade = grade then 1.0 else 0.0 end) / count(*), 'share'
    from lines where inspections > 0 group by facility, inspected_month
    union all
    select 'reprocessed_share', 'facility', facility, inspected_month,
        sum(case when inspections > 1 then 1.0 else 0.0 end) / count(*), 'share'
    from lines where inspections > 0 group by facility, inspected_month
    union all
    select 'refund_sla_adherence', 'tender', tender, cast(due_month as timestamp), adherence, 'share'
    from refund_sla
    union all
    select 'supplier_recovery_rate', 'supplier', coalesce(supplier_id, 'unknown'),
        date_trunc('month', coalesce(settled_at, rejected_at)),
        sum(cast(coalesce(settled_minor, 0) as double)) / nullif(sum(cast(coalesce(claimed_minor, settled_minor) as double)), 0.0),
        'share'
    from supplier_claims where status <> 'filed'
    group by coalesce(supplier_id, 'unknown'), date_trunc('month', coalesce(settled_at, rejected_at))
    union all
    select 'sla_breaches', 'sla', sla, date_trunc('month', due_at), cast(count(*) as double), 'breaches'
    from sla_breaches group by sla, date_trunc('month', due_at)
    union all
    select 'disposition_advice_followed', 'category', coalesce(category, 'unknown'), date_trunc('month', recommended_at),
        sum(case when decided = recommended then 1.0 else 0.0 end) / count(*), 'share'
    from dispositions where decided is not null
    group by coalesce(category, 'unknown'), date_trunc('month', recommended_at)
)
select
    name,
    dimension,
    value,
    cast(month as date) as window_start,
    cast(month + interval '1 month' as date) as window_end,
    figure,
    unit
from figures
where month is not null and figure is not null
