-- title: Audit samples that were looked at
-- note: Words on returns drawn by chance. Reads the log
-- param since = 0
select subject as rma_id, time, sequence, data
from events
where sequence >= $since
  and type = 'eddy.audit_sample.reviewed'
order by time desc
limit 1000
