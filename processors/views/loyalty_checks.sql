-- Points taken back for a return against the share of the order that came back, of the points given for the order. A line that was exchanged keeps its points.
with given as (
    select customer_id, order_id, sum(points_given) as points
    from loyalty_adjustments
    where order_id <> '' and points_given > 0
    group by customer_id, order_id
),
back as (
    select
        r.rma_id,
        max(r.order_id) as order_id,
        sum(case when x.exchange_id is null then r.value_minor else 0 end) as value_minor
    from returns r
    left join (
        select rma_id, line_id, min(exchange_id) as exchange_id from exchanges group by rma_id, line_id
    ) as x on x.rma_id = r.rma_id and x.line_id = r.line_id
    where r.received_qty > 0
    group by r.rma_id
),
checked as (
    select
        l.customer_id,
        l.rma_id,
        coalesce(b.order_id, nullif(l.order_id, '')) as order_id,
        l.points_taken as taken,
        g.points as given,
        cast(round(g.points * cast(b.value_minor as double) / nullif(cast(o.value_minor as double), 0.0)) as bigint) as expected
    from loyalty_adjustments l
    left join back b on b.rma_id = l.rma_id
    left join given g
        on g.customer_id = l.customer_id and g.order_id = coalesce(b.order_id, nullif(l.order_id, ''))
    left join orders o on o.order_id = coalesce(b.order_id, nullif(l.order_id, ''))
    where l.rma_id <> ''
)
select
    *,
    taken - expected as difference,
    case
        when given is null then 'given_not_known'
        when expected is null then 'nothing_came_back'
        when abs(taken - expected) <= 1 then 'as_expected'
        when taken > expected then 'above'
        else 'below'
    end as verdict
from checked
