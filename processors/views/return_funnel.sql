-- The funnel of return lines. A line has reached a step when the step, or a later one, was told of it. The pickup is a step of returns with method `pickup`
-- alone. Dwell is the time from the step before, where both are known and in order.
with lines as (
    select
        coalesce(channel, 'unknown') as channel,
        cast(date_trunc('month', initiated_at) as date) as month,
        coalesce(method = 'pickup', false) as by_pickup,
        date_part('epoch', initiated_at) as initiated,
        date_part('epoch', picked_up_at) as picked_up,
        date_part('epoch', received_at) as received,
        date_part('epoch', inspected_at) as inspected,
        date_part('epoch', restocked_at) as restocked,
        picked_up_at is not null or received_at is not null or inspected_at is not null or restocked_at is not null as past_2,
        received_at is not null or inspected_at is not null or restocked_at is not null as past_3,
        inspected_at is not null or restocked_at is not null as past_4,
        restocked_at is not null as past_5
    from return_steps
    where initiated_at is not null
),
steps as (
    select
        l.channel,
        l.month,
        s.step_no,
        s.step,
        case s.step_no
            when 1 then true
            when 2 then l.by_pickup
            when 3 then not l.by_pickup or l.past_2
            when 4 then l.past_3
            else l.past_4
        end as entered,
        case s.step_no
            when 1 then true
            when 2 then l.by_pickup and l.past_2
            when 3 then l.past_3
            when 4 then l.past_4
            else l.past_5
        end as reached,
        case s.step_no
            when 2 then l.picked_up - l.initiated
            when 3 then l.received - coalesce(l.picked_up, l.initiated)
            when 4 then l.inspected - l.received
            when 5 then l.restocked - l.inspected
        end / 3600.0 as dwell
    from lines l
    cross join (
        values (1, 'initiated'), (2, 'picked_up'), (3, 'received'), (4, 'inspected'), (5, 'restocked')
    ) as s (step_no, step)
)
select
    coalesce(channel, 'all') as channel,
    month,
    step_no,
    step,
    count(*) as initiated,
    sum(case when entered then 1 else 0 end) as entered,
    sum(case when reached then 1 else 0 end) as reached,
    sum(case when entered and reached then 1.0 else 0.0 end) / nullif(sum(case when entered then 1.0 else 0.0 end), 0.0) as conversion,
    sum(case when reached then 1.0 else 0.0 end) / count(*) as share_of_initiated,
    approx_percentile_cont(0.5) within group (order by case when dwell >= 0 then dwell end) as dwell_hours_p50,
    approx_percentile_cont(0.9) within group (order by case when dwell >= 0 then dwell end) as dwell_hours_p90
from steps
group by grouping sets ((step_no, step), (channel, step_no, step), (channel, month, step_no, step))
