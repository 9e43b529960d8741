-- Lines of returns with the time of each step of the way back. A pickup counts from the return's own event or from the first scan of the parcel that brings it,
-- whichever is earlier.
select
    r.rma_id,
    r.line_id,
    r.order_id,
    r.sku,
    r.category,
    r.supplier_id,
    r.reason_group,
    r.channel,
    r.method,
    r.payment_mode,
    r.facility,
    r.status,
    r.qty,
    r.requested_qty,
    r.received_qty,
    r.first_grade,
    r.grade,
    r.inspections,
    r.disposition,
    r.value_minor,
    r.recovered_minor,
    r.refund_minor,
    r.currency,
    r.pickup_failures,
    r.requested_at as initiated_at,
    r.authorised_at,
    case
        when r.picked_up_at is null or p.left_at < r.picked_up_at then p.left_at
        else r.picked_up_at
    end as picked_up_at,
    r.received_at,
    r.inspected_at,
    r.dispositioned_at,
    r.restocked_at,
    r.ended_at,
    r.closed_at
from returns r
left join (
    select rma_id, min(picked_up_at) as left_at
    from shipments
    where leg = 'reverse' and rma_id is not null
    group by rma_id
) as p on p.rma_id = r.rma_id
