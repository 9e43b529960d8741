select count(*) filter (where status <> 'delivered') as failed,
       count(*) as resolved,
       cast(count(*) filter (where status <> 'delivered') as double) / cast(count(*) as double) as share
from shipments
where courier = 'easy_ship'
  and status in ('delivered', 'rto_delivered', 'rto_initiated', 'delivery_failed', 'lost', 'damaged')
