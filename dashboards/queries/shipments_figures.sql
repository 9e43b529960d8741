-- title: Forward shipments
-- note: Forward parcels manifested in the range; a return to origin is never a customer return
-- reads: shipments
-- param from = timestamp '1970-01-01T00:00:00Z'
-- param to = timestamp '2100-01-01T00:00:00Z'
select count(*) as shipments,
       sum(case when status = 'delivered' then 1 else 0 end) as delivered,
       sum(case when status in ('rto_initiated', 'rto_delivered') then 1 else 0 end) as rto,
       sum(case when status in ('lost', 'damaged') then 1 else 0 end) as lost_or_damaged,
       sum(case when status = 'delivery_failed' then 1 else 0 end) as attempt_failed,
       sum(case when status in ('manifested', 'picked_up', 'in_transit', 'out_for_delivery', 'delivery_failed')
                then 1 else 0 end) as moving
from shipments
where coalesce(leg, 'forward') = 'forward'
  and manifested_at >= $from and manifested_at < $to
