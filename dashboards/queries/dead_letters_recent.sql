-- title: Dead letters
-- note: The newest 200 that match, with the beginning of their bytes
-- reads: dead_letters
-- param reason = ''
-- param source = ''
-- param search = ''
select sequence, received_at, reason, field, detail, type, source, id, origin, bytes, body
from dead_letters
where ($reason = '' or reason = $reason)
  and ($source = '' or source = $source)
  and ($search = '' or strpos(lower(coalesce(body, '')), lower($search)) > 0
                    or strpos(lower(coalesce(id, '')), lower($search)) > 0)
order by sequence desc
limit 200
