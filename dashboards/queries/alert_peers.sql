-- title: The customer against peers of like spend
-- note: Peers: customers with half to twice the ordered value, in the same currency, themselves left out
-- reads: customers
-- param alert = ''
with own as (
  select c.* from customers c join fraud_alerts a on a.customer_id = c.customer_id where a.alert_id = $alert
),
peers as (
  select p.*, p.customer_id = own.customer_id as is_own
  from customers p
  join own on p.currency = own.currency
  where own.order_value_minor > 0
    and p.order_value_minor between own.order_value_minor / 2 and own.order_value_minor * 2
),
told as (
  select 1 as place, 'orders' as measure, currency, is_own, cast(orders as double) + 0 as figure from peers
  union all
  select 2, 'returned_lines', currency, is_own, cast(returned_lines as double) + 0 from peers
  union all
  select 3, 'return_value_minor', currency, is_own, cast(return_value_minor as double) + 0 from peers
  union all
  select 4, 'returned_share', currency, is_own, cast(return_value_minor as double) / order_value_minor from peers
),
figures as (
  select place, measure, max(figure) as own from told where is_own group by 1, 2
)
select t.measure,
       max(t.currency) as currency,
       max(f.own) as own,
       sum(case when t.is_own then 0 else 1 end) as peers,
       sum(case when not t.is_own and t.figure < f.own then 1 else 0 end) as below,
       percentile_cont(case when not t.is_own then t.figure end, 0.05) as p5,
       percentile_cont(case when not t.is_own then t.figure end, 0.5) as p50,
       percentile_cont(case when not t.is_own then t.figure end, 0.95) as p95
from told t
join figures f on f.measure = t.measure
group by t.measure, t.place
order by t.place
