-- title: Dead letters by reason
-- note: What was refused: nothing valid is lost because a neighbour is bad
-- reads: dead_letters
select reason,
       source,
       count(*) as letters,
       max(received_at) as latest_at,
       max(sequence) as latest_sequence
from dead_letters
group by reason, source
order by letters desc, reason, source
limit 200
