-- title: Stalled returns by age
-- note: Open return lines by what they wait for and for how long, judged by event time
-- reads: returns, eddy_meta.progress
with clock as (select max(event_time) as now from eddy_meta.progress),
open as (
  select case when received_at is null then 'receipt'
              when inspected_at is null then 'inspection'
              else 'restock' end as waits_for,
         (date_part('epoch', clock.now)
          - date_part('epoch', coalesce(inspected_at, received_at, requested_at))) / 86400.0 as days
  from returns cross join clock
  where status not in ('cancelled', 'rejected', 'closed', 'restocked', 'refurbished', 'liquidated', 'scrapped')
    and restocked_at is null
    and requested_at is not null
    and (inspected_at is null or disposition is null or disposition = 'restock')
)
select waits_for,
       count(*) as lines,
       sum(case when days < 2 then 1 else 0 end) as under_2_days,
       sum(case when days >= 2 and days < 7 then 1 else 0 end) as days_2_to_7,
       sum(case when days >= 7 and days < 14 then 1 else 0 end) as days_7_to_14,
       sum(case when days >= 14 and days < 30 then 1 else 0 end) as days_14_to_30,
       sum(case when days >= 30 then 1 else 0 end) as over_30_days
from open
group by waits_for
order by case waits_for when 'receipt' then 1 when 'inspection' then 2 else 3 end
