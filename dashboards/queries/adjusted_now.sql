-- title: Adjusted return rate, 90 days
-- note: Expected final rate of the pieces delivered in the last 90 days, as of the last closed day, with its 90% interval
-- reads: rates_now
select window_start, window_end, delivered, returned, raw_rate, maturity, adjusted_rate, lower, upper
from rates_now
where dimension = 'all'
