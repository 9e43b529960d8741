-- title: Flow and freshness
-- note: Events applied, and how far event time and the tables have come
-- reads: eddy_meta.progress
select sum(events) as events,
       max(sequence) as sequence,
       max(event_time) as event_time,
       max(logged_at) as logged_at,
       max(applied_at) as applied_at,
       count(*) as shards
from eddy_meta.progress
