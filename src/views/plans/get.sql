-- views.plans.get
select
    plan, at_size, deletions, bytes, locks, approve, submitted_at_ms, submitted_by, position, approved_at_ms, approved_by,
    approved_position, applied_at_ms, applied_by, applied_position, deleted, deleted_bytes
from plans
where plan = $1
