-- views.retrievals.open
-- Those that are not over, in the order in which they were asked for, behind position $1.
select
    retrieval, repository, manifest, blobs, bytes, days, requested_at_ms, requested_by, position, restoring_at_ms,
    available_at_ms, until_ms, failed_at_ms, failed_code
from retrievals
where until_ms is null and failed_code is null and position > $1
order by position
limit $2
