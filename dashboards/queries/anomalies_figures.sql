-- title: Anomalies under way
-- note: By status, with what is at stake of those open or acknowledged, the series tested on the last day, and the slices there are
-- reads: anomalies
select count(*) as anomalies,
       sum(case when status = 'open' then 1 else 0 end) as open,
       sum(case when status = 'acknowledged' then 1 else 0 end) as acknowledged,
       sum(case when status = 'snoozed' then 1 else 0 end) as snoozed,
       sum(case when status = 'dismissed' then 1 else 0 end) as dismissed,
       sum(case when status in ('open', 'acknowledged') then greatest(at_stake_minor, 0) else 0 end) as at_stake_minor,
       sum(case when status in ('open', 'acknowledged') then q_value else 0 end) as false_expected,
       max(currency) as currency,
       max(tested) as tested,
       (select count(*) from rates_now where dimension in ('sku', 'style', 'category', 'category,size', 'supplier', 'seller', 'packer', 'courier,zone', 'courier', 'facility', 'state')) as slices
from anomalies
