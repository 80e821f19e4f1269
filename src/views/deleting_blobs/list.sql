-- views.deleting_blobs.list
-- In the order in which they were started, behind position $1. Of those whose blob was moved, only what was before $3.
select d.store, d.object, d.blake3, d.size_bytes, d.position
from deleting_blobs d
where d.position > $1 and (not d.moved or d.started_at_ms < $3)
order by d.position
limit $2
