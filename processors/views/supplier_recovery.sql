-- What suppliers paid of what was claimed. The rate is over claims that were answered; a rejected one paid nothing.
select
    coalesce(supplier_id, 'unknown') as supplier_id,
    currency,
    count(*) as claims,
    sum(case when status = 'settled' then 1 else 0 end) as settled,
    sum(case when status = 'rejected' then 1 else 0 end) as rejected,
    sum(case when status = 'filed' then 1 else 0 end) as open,
    sum(claimed_minor) as claimed_minor,
    sum(case when status = 'settled' then settled_minor else 0 end) as settled_minor,
    sum(case when status = 'settled' then cast(settled_minor as double) else 0.0 end)
        / nullif(sum(case when status <> 'filed' then cast(coalesce(claimed_minor, settled_minor) as double) else 0.0 end), 0.0)
        as recovery_rate
from supplier_claims
group by coalesce(supplier_id, 'unknown'), currency
