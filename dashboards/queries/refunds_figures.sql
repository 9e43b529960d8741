-- title: Refunds
-- note: Refunds initiated in the range (issued, where nobody told of the initiation), by currency; overdue is judged by event time
-- reads: refunds
-- param from = timestamp '1970-01-01T00:00:00Z'
-- param to = timestamp '2100-01-01T00:00:00Z'
select coalesce(currency, '') as currency,
       count(*) as refunds,
       sum(case when status = 'issued' then amount_minor else 0 end) as issued_minor,
       sum(case when status = 'initiated' then amount_minor else 0 end) as pending_minor,
       sum(case when status = 'initiated' then 1 else 0 end) as pending,
       sum(case when status = 'initiated' and due_at < (select max(event_time) from eddy_meta.progress)
                then 1 else 0 end) as overdue
from refunds
where coalesce(initiated_at, issued_at) >= $from and coalesce(initiated_at, issued_at) < $to
group by 1
order by refunds desc, currency
