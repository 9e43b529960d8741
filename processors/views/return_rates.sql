-- Raw return rates by delivery cohort. Cells are added up before the division, so every grain is exact.
-- maturity, adjusted_rate, lower and upper are null until the maturity model comes.
select
    dimension,
    value,
    'delivered' as cohort_by,
    cohort_start,
    grain,
    measure,
    basis,
    currency,
    sum(delivered) as delivered,
    sum(returned) as returned,
    cast(sum(returned) as double) / nullif(cast(sum(delivered) as double), 0.0) as raw_rate,
    cast(null as double) as maturity,
    cast(null as double) as adjusted_rate,
    cast(null as double) as lower,
    cast(null as double) as upper
from (
    select
        c.dimension,
        c.value,
        case g.grain
            when 'day' then c.day
            when 'week' then cast(date_trunc('week', c.day) as date)
            else cast(date_trunc('month', c.day) as date)
        end as cohort_start,
        g.grain,
        m.measure,
        b.basis,
        case when m.measure = 'value' then c.currency end as currency,
        case when m.measure = 'units' then c.delivered_units else c.delivered_value_minor end as delivered,
        case
            when m.measure = 'units' and b.basis = 'requested' then c.requested_units
            when m.measure = 'units' then c.received_units
            when b.basis = 'requested' then c.requested_value_minor
            else c.received_value_minor
        end as returned
    from return_cells c
    cross join (values ('day'), ('week'), ('month')) as g (grain)
    cross join (values ('units'), ('value')) as m (measure)
    cross join (values ('requested'), ('received')) as b (basis)
) as cells
group by dimension, value, cohort_start, grain, measure, basis, currency
