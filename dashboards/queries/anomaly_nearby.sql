-- title: Changes near the onset
-- note: Policies published and models put in force within 14 days of the onset, the nearest first
-- reads: policies, models
-- param onset = date '1970-01-01'
select 'policy' as kind, subject, version, published_at as at from eddy_meta.policies
where published_at between cast($onset as timestamp) - interval '14 days' and cast($onset as timestamp) + interval '15 days'
union all
select 'model', subject, version, published_at from eddy_meta.models
where published_at between cast($onset as timestamp) - interval '14 days' and cast($onset as timestamp) + interval '15 days'
order by at
limit 50
