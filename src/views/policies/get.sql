-- views.policies.get
select policy, version, document, standing, changed_at_ms, changed_by, position
from policies
where policy = $1
