-- title: Which sizes return more than their category?
-- role: merchandiser
-- note: Units asked back of units delivered; raw, so young deliveries look better than they are
-- reads: order_lines
with by_size as (
  select category, size, sum(delivered_qty) as delivered, sum(requested_qty) as requested
  from order_lines
  where delivered_qty > 0 and category is not null and size is not null
  group by category, size
), by_category as (
  select category, sum(requested) * 1.0 / sum(delivered) as category_rate
  from by_size
  group by category
)
select s.category, s.size, s.delivered, s.requested,
       round(s.requested * 1000.0 / s.delivered) / 10 as raw_percent,
       round((s.requested * 1.0 / s.delivered - c.category_rate) * 1000) / 10 as points_above_category
from by_size s join by_category c on s.category = c.category
where s.delivered >= 30
order by points_above_category desc
limit 50
