-- views.retrievals.last
-- The one that was asked for last for package ($1, $2).
select
    retrieval, repository, manifest, blobs, bytes, days, requested_at_ms, requested_by, position, restoring_at_ms,
    available_at_ms, until_ms, failed_at_ms, failed_code
from retrievals
where repository = $1 and manifest = $2
order by position desc
limit 1
