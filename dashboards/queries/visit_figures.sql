-- title: What changed since your last visit
-- note: Rows now less rows at the sequence of your last visit, kept in this browser
-- reads: orders, shipments, returns, refunds, dead_letters
select 'orders' as figure, count(*) as n from orders
union all select 'cancelled', count(*) from orders where status = 'cancelled'
union all select 'shipments', count(*) from shipments where coalesce(leg, 'forward') = 'forward'
union all select 'delivered', count(*) from shipments where coalesce(leg, 'forward') = 'forward' and status = 'delivered'
union all select 'rto', count(*) from shipments
          where coalesce(leg, 'forward') = 'forward' and status in ('rto_initiated', 'rto_delivered')
union all select 'requested', count(requested_at) from returns
union all select 'received', count(received_at) from returns
union all select 'restocked', count(restocked_at) from returns
union all select 'refunds_issued', count(issued_at) from refunds
union all select 'dead_letters', count(*) from dead_letters
