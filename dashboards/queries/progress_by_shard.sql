-- title: Progress by shard
-- note: The last position applied to the tables
-- reads: eddy_meta.progress
select shard, sequence, events, event_time, logged_at, applied_at
from eddy_meta.progress
order by shard
