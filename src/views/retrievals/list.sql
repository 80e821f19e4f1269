-- views.retrievals.list
-- Those of repository $1, the last first, before position $2.
select
    retrieval, repository, manifest, blobs, bytes, days, requested_at_ms, requested_by, position, restoring_at_ms,
    available_at_ms, until_ms, failed_at_ms, failed_code
from retrievals
where repository = $1 and position < $2
order by position desc
limit $3
