-- views.scrubs.get
select started_at_ms, through, blobs, size_bytes, completed_at_ms, at_ms, position
from scrubs
where store = $1
