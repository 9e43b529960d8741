-- From the request to the end of a line (restocked, refurbished, liquidated or scrapped), and to the first issued refund of its return, by where it was asked for.
with paid as (
    select rma_id, min(issued_at) as issued_at
    from refunds
    where issued_at is not null and rma_id is not null
    group by rma_id
),
lines as (
    select
        coalesce(r.channel, 'unknown') as channel,
        (date_part('epoch', r.ended_at) - date_part('epoch', r.requested_at)) / 3600.0 as to_end,
        (date_part('epoch', p.issued_at) - date_part('epoch', r.requested_at)) / 3600.0 as to_refund
    from returns r
    left join paid p on p.rma_id = r.rma_id
    where r.requested_at is not null
)
select
    channel,
    count(*) as lines,
    count(to_end) as ended,
    approx_percentile_cont(0.5) within group (order by to_end) as end_hours_p50,
    approx_percentile_cont(0.9) within group (order by to_end) as end_hours_p90,
    count(to_refund) as refunded,
    approx_percentile_cont(0.5) within group (order by to_refund) as refund_hours_p50,
    approx_percentile_cont(0.9) within group (order by to_refund) as refund_hours_p90
from lines
group by channel
