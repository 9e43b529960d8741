-- Return rates of {dimension} by cohort of {cohort_by}, by {grain}: one view of the family `return_rates`. Lines are added up before the division, so every grain
-- is exact. A measure and a basis that are asked for by name are the only ones reckoned. Maturity is that of the day and the category of each delivery; what is still to come is reckoned by `nowcast_*`.
with days as (
    -- By days and by stored words, whatever the grain: a question that is asked in many ways is one to those who keep sums of it.
    select
        {word_0} as word_0, {word_1} as word_1, {reason_group} as reason_group, {asked} as asked,
        category, delivered_on, {ordered_on} as ordered_on, currency,
        cast(sum(delivered_qty) as bigint) as delivered_units,
        cast(sum(least(requested_qty, delivered_qty)) as bigint) as requested_units,
        cast(sum(least(returned_qty, delivered_qty)) as bigint) as received_units,
        sum(unit_price_minor * delivered_qty - discount_minor * delivered_qty / greatest(qty, 1)) as delivered_value,
        sum(unit_price_minor * least(requested_qty, delivered_qty)
            - discount_minor * least(requested_qty, delivered_qty) / greatest(qty, 1)) as requested_value,
        sum(unit_price_minor * least(returned_qty, delivered_qty)
            - discount_minor * least(returned_qty, delivered_qty) / greatest(qty, 1)) as received_value,
        cast(sum(delivered_qty * delivered_qty) as double) as unit_squares,
        sum(power(cast(unit_price_minor as double) * delivered_qty, 2)) as value_squares
    from order_lines
    where delivered_on is not null
    group by 1, 2, 3, 4, 5, 6, 7, 8
),
lines as (
    select
        {value} as value,
        {reason} as reason,
        coalesce(category, '') as category,
        delivered_on,
        {cohort_start} as cohort_start,
        currency,
        {lines}
),
cells as ({cells}),
measured as (
    select
        cells.value,
        cells.cohort_start,
        {measure} as measure,
        {basis} as basis,
        {currency} as currency,
        case when {measure} = 'units' then delivered_units else delivered_value end as delivered,
        case
            when {measure} = 'units' and {basis} = 'requested' then requested_units
            when {measure} = 'units' then received_units
            when {basis} = 'requested' then requested_value
            else received_value
        end as returned,
        case when {measure} = 'units' then unit_squares else value_squares end as squares,
        coalesce(own.maturity, wide.maturity, 1.0) as maturity,
        coalesce(own.ever_rate, wide.ever_rate) as ever_rate,
        coalesce({asked_rate}, wide.ever_rate) as asked_rate
    from cells
    {measures}
    {bases}
    left join return_maturity own
        on own.category = cells.category and own.basis = {basis} and own.delivered_on = cells.delivered_on
    {asked_join}
    left join return_maturity wide
        on wide.category = '*' and wide.basis = {basis} and wide.delivered_on = cells.delivered_on
),
cohorts as (
    select
        value, cohort_start, {measure_of} as measure, {basis_of} as basis, {currency_of} as currency,
        cast(sum(delivered) as bigint) as delivered,
        cast(sum(returned) as bigint) as returned,
        sum(delivered * maturity) as exposure,
        sum(squares) / nullif(cast(sum(delivered) as double), 0.0) as clump,
        sum(delivered * ever_rate) / nullif(cast(sum(case when ever_rate is not null then delivered end) as double), 0.0) as ever_rate,
        sum(delivered * asked_rate) / nullif(cast(sum(case when asked_rate is not null then delivered end) as double), 0.0) as asked_rate
    from measured
    group by {cohort}
),
believed as (
    select
        cohorts.*,
        coalesce(r.prior_rate * ever_rate / nullif(asked_rate, 0.0), {prior_scale} * ever_rate, 0.1) as prior_rate,
        coalesce(r.prior_strength, {prior_strength}) as prior_strength
    from cohorts
    left join rates_now r on r.dimension = '{dimension}' and r.value = cohorts.value
)
select
    '{dimension}' as dimension,
    value,
    '{cohort_by}' as cohort_by,
    cohort_start,
    '{grain}' as grain,
    measure,
    basis,
    currency,
    delivered,
    returned,
    cast(returned as double) / nullif(cast(delivered as double), 0.0) as raw_rate,
    exposure / nullif(cast(delivered as double), 0.0) as maturity,
    nowcast_rate(cast(delivered as double), cast(returned as double), exposure, clump, prior_rate, prior_strength) as adjusted_rate,
    nowcast_lower(cast(delivered as double), cast(returned as double), exposure, clump, prior_rate, prior_strength) as lower,
    nowcast_upper(cast(delivered as double), cast(returned as double), exposure, clump, prior_rate, prior_strength) as upper
from believed
