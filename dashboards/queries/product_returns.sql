-- title: Latest returns
-- note: Lines of this product asked back, the latest first
-- reads: returns
-- param product = ''
select rma_id, line_id, order_id, requested_at, qty, reason, status, grade, disposition, facility, refund_minor, currency
from returns
where sku = $product
order by requested_at desc nulls last, rma_id, line_id
limit 50
