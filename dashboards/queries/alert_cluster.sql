-- title: Identity links
-- note: Customers of one cluster, that is linked by phone or payment instrument; with how many alerts name each and how many of those were confirmed
-- reads: customers, fraud_alerts
-- param alert = ''
with own as (
  select c.customer_id, c.cluster_id from customers c join fraud_alerts a on a.customer_id = c.customer_id where a.alert_id = $alert
),
named as (
  select customer_id, count(*) as alerts, sum(case when status = 'confirmed' then 1 else 0 end) as confirmed
  from fraud_alerts where customer_id is not null group by 1
)
select c.customer_id, c.customer_id = own.customer_id as own, c.cluster_id, c.orders, c.order_value_minor, c.returned_lines, c.return_value_minor, c.currency, c.first_seen_at,
       coalesce(n.alerts, 0) as alerts, coalesce(n.confirmed, 0) as confirmed
from customers c
join own on c.customer_id = own.customer_id or c.cluster_id = own.cluster_id
left join named n on n.customer_id = c.customer_id
order by own desc, alerts desc, c.customer_id
limit 100
