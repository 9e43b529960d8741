-- What went wrong on the way back, one row an exception, by category of exception, facility and family (the category of the goods).
with families as (
    select rma_id, min(category) as family, min(facility) as facility
    from returns
    group by rma_id
),
steps as (
    select
        'pickup_failed' as exception,
        'return' as subject_kind,
        r.rma_id as subject_id,
        r.rma_id,
        r.facility,
        r.category as family,
        r.requested_at as since,
        case when r.picked_up_at is not null or r.received_at is not null then coalesce(r.picked_up_at, r.received_at) end as resolved_at,
        'failed pickups: ' || cast(r.pickup_failures as varchar) as detail
    from returns r
    where r.pickup_failures > 0
    union all
    select
        'quantity_mismatch',
        'return_line',
        r.rma_id || '/' || r.line_id,
        r.rma_id,
        r.facility,
        r.category,
        r.received_at,
        null,
        cast(r.received_qty as varchar) || ' of ' || cast(r.requested_qty as varchar) || ' pieces came'
    from returns r
    where r.received_at is not null
        and ((r.requested_qty > 0 and r.requested_qty <> r.received_qty) or r.match = 'mismatch_quantity')
    union all
    select
        'serial_missing',
        'return_line',
        r.rma_id || '/' || r.line_id,
        r.rma_id,
        r.facility,
        r.category,
        r.received_at,
        null,
        'received without the serial number that the article carries'
    from returns r
    join skus s on s.sku = r.sku
    where s.serialised and r.received_at is not null and not r.serial_seen
    union all
    select
        b.sla,
        b.subject_kind,
        b.subject_id,
        b.rma_id,
        coalesce(b.facility, f.facility),
        f.family,
        b.due_at,
        b.resolved_at,
        'due ' || cast(b.due_at as varchar)
    from sla_breaches b
    left join families f on f.rma_id = b.rma_id
    where b.sla in (
        'missing_scan', 'receipt_missing', 'inspection_overdue', 'refund_overdue', 'disposition_overdue', 'claim_overdue'
    )
    union all
    select
        'refund_differs',
        'return_line',
        c.rma_id || '/' || c.line_id,
        c.rma_id,
        c.facility,
        c.category,
        null,
        null,
        c.verdict || ' by ' || cast(c.difference_minor as varchar)
    from refund_checks c
    where c.verdict in ('above', 'below', 'refunded_and_exchanged')
)
select
    exception,
    subject_kind,
    subject_id,
    rma_id,
    coalesce(facility, 'unknown') as facility,
    coalesce(family, 'unknown') as family,
    since,
    resolved_at,
    resolved_at is null as open,
    detail
from steps
