-- The stated difference of each exchange against what the new order costs more than the returned line was paid for.
with checked as (
    select
        x.exchange_id,
        x.rma_id,
        x.line_id,
        x.new_order_id,
        x.currency,
        r.category,
        r.facility,
        r.value_minor as returned_minor,
        n.value_minor as new_order_minor,
        x.price_difference_minor as stated_minor,
        n.value_minor - r.value_minor as expected_minor
    from exchanges x
    left join returns r on r.rma_id = x.rma_id and r.line_id = x.line_id
    left join orders n on n.order_id = x.new_order_id
)
select
    *,
    stated_minor - expected_minor as difference_minor,
    case
        when new_order_minor is null then 'order_not_known'
        when returned_minor is null then 'line_not_known'
        when stated_minor is null then 'not_stated'
        when abs(stated_minor - expected_minor) <= 1 then 'as_expected'
        when stated_minor > expected_minor then 'above'
        else 'below'
    end as verdict
from checked
