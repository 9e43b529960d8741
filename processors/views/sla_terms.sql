-- Hours that each step may take, by the policy in force: the latest that has a member `sla`, else the engine's own numbers. Null: the term is off.
with policy as (
    select body, version
    from eddy_meta.policies
    where json_contains(body, 'sla')
    order by published_at desc
    limit 1
),
known as (
    select p.body, p.version
    from (values (1)) as one (n)
    left join policy p on true
)
select
    t.sla,
    case
        when json_get_bool(k.body, 'sla', 'enabled') = false then null
        when t.sla = 'pickup_stalled' and json_contains(k.body, 'sla', 'pickup_hours') then json_get_float(k.body, 'sla', 'pickup_hours')
        when t.sla = 'missing_scan' and json_contains(k.body, 'sla', 'scan_hours') then json_get_float(k.body, 'sla', 'scan_hours')
        when t.sla = 'receipt_missing' and json_contains(k.body, 'sla', 'receipt_hours') then json_get_float(k.body, 'sla', 'receipt_hours')
        when t.sla = 'inspection_overdue' and json_contains(k.body, 'sla', 'inspection_hours') then json_get_float(k.body, 'sla', 'inspection_hours')
        when t.sla = 'disposition_overdue' and json_contains(k.body, 'sla', 'disposition_hours') then json_get_float(k.body, 'sla', 'disposition_hours')
        when t.sla = 'restock_overdue' and json_contains(k.body, 'sla', 'restock_hours') then json_get_float(k.body, 'sla', 'restock_hours')
        when t.sla = 'refund_overdue' and json_contains(k.body, 'sla', 'refund_hours') then json_get_float(k.body, 'sla', 'refund_hours')
        when t.sla = 'claim_overdue' and json_contains(k.body, 'sla', 'claim_hours') then json_get_float(k.body, 'sla', 'claim_hours')
        else t.hours
    end as hours,
    coalesce(k.version, 'default') as policy_version
from (
    values
        ('pickup_stalled', 48.0),
        ('missing_scan', 120.0),
        ('receipt_missing', 240.0),
        ('inspection_overdue', 48.0),
        ('disposition_overdue', 48.0),
        ('restock_overdue', 72.0),
        ('refund_overdue', 168.0),
        ('claim_overdue', 720.0)
) as t (sla, hours)
cross join known k
