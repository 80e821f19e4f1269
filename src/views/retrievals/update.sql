-- views.retrievals.update
-- What is said of retrievals $1 that were asked for before this run: when the first was restoring, the last of the others.
update retrievals r
set
    restoring_at_ms = coalesce(r.restoring_at_ms, u.restoring_at_ms),
    available_at_ms = coalesce(u.available_at_ms, r.available_at_ms),
    until_ms = coalesce(u.until_ms, r.until_ms),
    failed_at_ms = coalesce(u.failed_at_ms, r.failed_at_ms),
    failed_code = coalesce(u.failed_code, r.failed_code)
from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
    as u (retrieval, restoring_at_ms, available_at_ms, until_ms, failed_at_ms, failed_code)
where r.retrieval = u.retrieval
