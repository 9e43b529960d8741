-- title: What changed since your last visit
-- note: Rows now less rows at the sequence of your last visit, kept in this browser
-- reads: orders, shipments, returns, refunds, dead_letters
select o.orders, o.cancelled, s.shipments, s.delivered, s.rto, r.requested, r.received, r.restocked, f.refunds_issued, d.dead_letters
from (select count(*) as orders, sum(case when status = 'cancelled' then 1 else 0 end) as cancelled from orders) o
cross join (select count(*) as shipments,
                   sum(case when status = 'delivered' then 1 else 0 end) as delivered,
                   sum(case when status in ('rto_initiated', 'rto_delivered') then 1 else 0 end) as rto
            from shipments where coalesce(leg, 'forward') = 'forward') s
cross join (select count(requested_at) as requested, count(received_at) as received, count(restocked_at) as restocked from returns) r
cross join (select count(issued_at) as refunds_issued from refunds) f
cross join (select count(*) as dead_letters from dead_letters) d
