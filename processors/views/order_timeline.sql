-- What happened to an order across channels: placed, its parcels, its returns (also in a shop), exchanges, refunds and terms that passed. Ask with `where order_id = ...`: it
-- narrows each branch before anything is joined or unfolded.
select order_id, at, what, subject_kind, subject_id, channel, place, detail
from (
    select
        o.order_id,
        case s.n when 1 then o.placed_at else o.cancelled_at end as at,
        case s.n when 1 then 'order_placed' else 'order_cancelled' end as what,
        'order' as subject_kind,
        o.order_id as subject_id,
        o.channel,
        o.destination_pincode as place,
        o.payment_mode as detail
    from orders o
    cross join (values (1), (2)) as s (n)
    union all
    select
        p.order_id,
        case s.n
            when 1 then p.manifested_at
            when 2 then p.picked_up_at
            when 3 then p.delivered_at
            when 4 then p.rto_at
            else case when p.status in ('lost', 'damaged', 'delivery_failed', 'rto_initiated', 'cancelled') then p.updated_at end
        end,
        case s.n
            when 1 then 'parcel_manifested'
            when 2 then 'parcel_picked_up'
            when 3 then 'parcel_delivered'
            when 4 then 'parcel_back_at_origin'
            else 'parcel_' || p.status
        end,
        'shipment',
        p.awb,
        p.leg,
        p.courier,
        coalesce(p.ndr_reason, p.rma_id)
    from shipments p
    cross join (values (1), (2), (3), (4), (5)) as s (n)
    union all
    select
        r.order_id,
        case s.n
            when 1 then r.requested_at
            when 2 then r.authorised_at
            when 3 then r.picked_up_at
            when 4 then r.received_at
            when 5 then r.inspected_at
            when 6 then r.dispositioned_at
            when 7 then r.ended_at
            else r.closed_at
        end,
        case s.n
            when 1 then 'return_requested'
            when 2 then 'return_authorised'
            when 3 then 'return_picked_up'
            when 4 then case when r.method = 'in_store' then 'returned_in_store' else 'return_received' end
            when 5 then 'return_inspected'
            when 6 then 'return_dispositioned'
            when 7 then 'return_' || r.status
            else 'return_closed'
        end,
        'return',
        r.rma_id || '/' || r.line_id,
        r.channel,
        case when s.n >= 4 then r.facility end,
        case
            when s.n = 1 then coalesce(r.reason_group, r.reason)
            when s.n = 5 then r.grade
            when s.n = 6 then r.disposition
        end
    from returns r
    cross join (values (1), (2), (3), (4), (5), (6), (7), (8)) as s (n)
    union all
    (
        select
            f.order_id,
            case s.n when 1 then f.initiated_at when 2 then f.failed_at else f.issued_at end,
            case s.n when 1 then 'refund_initiated' when 2 then 'refund_failed' else 'refund_issued' end,
            'refund',
            f.refund_id,
            f.tender,
            cast(null as varchar),
            cast(f.amount_minor as varchar) || ' ' || coalesce(f.currency, '')
        from refunds f
        cross join (values (1), (2), (3)) as s (n)
        union
        -- A refund that names its return alone belongs to the order of the return.
        select
            r.order_id,
            case s.n when 1 then f.initiated_at when 2 then f.failed_at else f.issued_at end,
            case s.n when 1 then 'refund_initiated' when 2 then 'refund_failed' else 'refund_issued' end,
            'refund',
            f.refund_id,
            f.tender,
            cast(null as varchar),
            cast(f.amount_minor as varchar) || ' ' || coalesce(f.currency, '')
        from refunds f
        join (select distinct rma_id, order_id from returns) as r on r.rma_id = f.rma_id
        cross join (values (1), (2), (3)) as s (n)
    )
    union all
    select
        r.order_id,
        x.created_at,
        'exchange_created',
        'exchange',
        x.exchange_id,
        cast(null as varchar),
        cast(null as varchar),
        x.new_order_id
    from exchanges x
    join (select distinct rma_id, order_id from returns) as r on r.rma_id = x.rma_id
    union all
    select
        b.order_id,
        b.breached_at,
        b.sla,
        b.subject_kind,
        b.subject_id,
        cast(null as varchar),
        b.facility,
        'due ' || cast(b.due_at as varchar)
    from sla_breaches b
) as steps
where at is not null and order_id is not null
