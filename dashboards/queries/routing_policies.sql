-- title: Policies of routing
-- note: Published policies that speak of routing, the latest first
-- reads: policies
select subject, version, published_at, body
from eddy_meta.policies
where strpos(body, '"ndr"') > 0
order by published_at desc, version desc
limit 50
