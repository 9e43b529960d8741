select cast(date_trunc('month', issued_at) as date) as month, count(*) as refunds, sum(amount_minor) as amount_minor
from refunds
where refund_id like 'C%' and status = 'issued'
group by 1
