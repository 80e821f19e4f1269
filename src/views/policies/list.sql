-- views.policies.list
select policy, version, document, standing, changed_at_ms, changed_by, position
from policies
where standing and policy > $1
order by policy
limit $2
