-- views.retrievals.get
select
    retrieval, repository, manifest, blobs, bytes, days, requested_at_ms, requested_by, position, restoring_at_ms,
    available_at_ms, until_ms, failed_at_ms, failed_code
from retrievals
where retrieval = $1
