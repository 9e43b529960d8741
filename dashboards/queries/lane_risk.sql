-- title: Risk by courier and lane
-- note: Forward parcels that ended, by zone (first digit of the pincode) of origin and destination
-- reads: courier_lanes
-- param payment = ''
select substr(origin, 1, 1) as origin,
       substr(destination, 1, 1) as destination,
       courier,
       sum(delivered + rto + lost_or_damaged) as finished,
       sum(rto + lost_or_damaged) as failed
from courier_lanes
where ($payment = '' or payment_mode = $payment)
group by 1, 2, 3
having sum(delivered + rto + lost_or_damaged) > 0
order by 1, 2, 3
