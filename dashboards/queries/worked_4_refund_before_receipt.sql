-- title: Which refunds were paid before anything was received?
-- role: loss prevention
-- note: Issued refunds whose return line has not been received; slow couriers are here too
-- reads: refunds, returns
select f.refund_id, f.rma_id, r.customer_id, r.reason, r.status as return_status,
       f.amount_minor, f.currency, f.issued_at, r.requested_at
from refunds f
join returns r on r.rma_id = f.rma_id and (f.line_id is null or r.line_id = f.line_id)
where f.status = 'issued' and r.received_at is null
order by f.amount_minor desc
limit 100
