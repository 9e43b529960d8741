-- title: Failed attempts without proof
-- note: Failed attempts that came with a proof, and those of them with neither call, position nor code: suspected, not proven. Reads the log
-- param since = 0
select s.courier,
       count(*) as attempts,
       sum(case when strpos(e.data, '"call":true') = 0 and strpos(e.data, '"gps":true') = 0 and strpos(e.data, '"otp":true') = 0
                then 1 else 0 end) as unproven
from events e
join shipments s on s.awb = e.subject
where e.sequence >= $since
  and e.type = 'eddy.shipment.delivery_failed'
  and strpos(e.data, '"proof":{') > 0
group by 1
order by 1
