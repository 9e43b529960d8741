-- title: Order, parcel, return, inspection, refund and claims
-- note: Events of the order and return behind it, its evidence, and what people said of it; where it is about a person, those of the customer or of the agent. Reads the log
-- param keys = ''
-- param ids = ''
-- param order = ''
-- param rma = ''
-- param customer = ''
-- param agent = ''
select sequence, index, time, source, id, type, subject, data
from events
where subject in ($keys)
   or id in ($ids)
   or $order <> '' and strpos(data, concat('"order_id":"', $order, '"')) > 0
   or $rma <> '' and strpos(data, concat('"rma_id":"', $rma, '"')) > 0
   or $customer <> '' and strpos(data, concat('"customer_id":"', $customer, '"')) > 0
   or $agent <> '' and strpos(data, concat('"agent":"', $agent, '"')) > 0
order by time, sequence, index
limit 500
