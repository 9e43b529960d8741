-- Issued refunds against the paid line. Expected is what the buyer paid for the pieces that came back, and nothing for a line that was exchanged. A refund without a line
-- counts for the one line of its return; with several it is told as `not_allocated`. A penny a piece is rounding.
with unallocated as (
    select rma_id, sum(amount_minor) as amount_minor
    from refunds
    where status = 'issued' and line_id is null and rma_id is not null
    group by rma_id
),
counted as (
    select rma_id, count(*) as lines from returns group by rma_id
),
pending as (
    select rma_id, line_id, sum(amount_minor) as amount_minor
    from refunds
    where status <> 'issued' and rma_id is not null
    group by rma_id, line_id
),
checked as (
    select
        r.rma_id,
        r.line_id,
        r.order_id,
        r.category,
        r.facility,
        r.qty,
        r.received_qty,
        r.currency,
        x.exchange_id,
        case when x.exchange_id is not null then 0 else r.value_minor end as expected_minor,
        r.refund_minor as refunded_minor,
        coalesce(p.amount_minor, 0) as pending_minor,
        coalesce(c.lines > 1 and u.amount_minor > 0, false) as not_allocated
    from returns r
    join counted c on c.rma_id = r.rma_id
    left join unallocated u on u.rma_id = r.rma_id
    left join pending p on p.rma_id = r.rma_id and p.line_id = r.line_id
    left join (
        select rma_id, line_id, min(exchange_id) as exchange_id from exchanges group by rma_id, line_id
    ) as x on x.rma_id = r.rma_id and x.line_id = r.line_id
    where r.refund_minor > 0 or u.amount_minor > 0 or p.amount_minor > 0 or x.exchange_id is not null
)
select
    *,
    refunded_minor - expected_minor as difference_minor,
    case
        when not_allocated then 'not_allocated'
        when expected_minor is null then 'line_not_known'
        when refunded_minor = 0 and pending_minor > 0 then 'pending'
        when abs(refunded_minor - expected_minor) <= qty then 'as_expected'
        when exchange_id is not null then 'refunded_and_exchanged'
        when refunded_minor > expected_minor then 'above'
        else 'below'
    end as verdict
from checked
