-- title: On which couriers do cash parcels go back to origin?
-- role: operator
-- note: Finished forward parcels by courier and payment mode
-- reads: shipments
select courier, payment_mode,
       count(*) as finished,
       sum(case when status in ('rto_initiated', 'rto_delivered') then 1 else 0 end) as rto,
       round(sum(case when status in ('rto_initiated', 'rto_delivered') then 1 else 0 end) * 1000.0 / count(*)) / 10
         as rto_percent
from shipments
where coalesce(leg, 'forward') = 'forward'
  and status in ('delivered', 'rto_initiated', 'rto_delivered', 'lost', 'damaged')
group by courier, payment_mode
having count(*) >= 30
order by rto_percent desc
