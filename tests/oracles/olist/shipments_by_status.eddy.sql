select status, count(*) as shipments from shipments where courier = 'olist' group by status
