-- title: Which parcels failed an attempt and still wait?
-- role: operator
-- note: Oldest first; the reason is the courier's word
-- reads: shipments
select awb, courier, destination_pincode, payment_mode, attempts, ndr_reason, updated_at, promised_at
from shipments
where status = 'delivery_failed'
order by updated_at
limit 200
