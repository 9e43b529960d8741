-- title: Who returned most value, and how often?
-- role: loss prevention
-- note: Customers by value of requested returns; a high figure is a question, not a finding
-- reads: customers
select customer_id, orders, returned_lines, return_value_minor, currency, first_seen_at
from customers
where returned_lines > 0
order by return_value_minor desc
limit 50
