select status, courier, count(*) as shipments
from shipments
where courier in ('easy_ship', 'amazon')
group by status, courier
