-- views.blobs.remove
-- Blobs $1 that are absent from now on, with their links, and what these added to the totals of their repositories.
with gone as (
    delete from blobs where blake3 = any ($1::bytea[])
),
healed as (
    delete from damaged_blobs where blake3 = any ($1::bytea[])
),
unlinked as (
    delete from blob_repositories where blake3 = any ($1::bytea[]) returning repository, size_bytes
),
totals as (
    select repository, count(*) as blobs, sum(size_bytes)::bigint as bytes from unlinked group by repository
),
emptied as (
    -- What holds nothing has no row, however its events are cut into runs.
    delete from repository_totals t
    using totals u
    where t.repository = u.repository and t.packages = 0 and t.blobs = u.blobs
)
update repository_totals t
set blobs = t.blobs - u.blobs, blobs_bytes = t.blobs_bytes - u.bytes
from totals u
where t.repository = u.repository and not (t.packages = 0 and t.blobs = u.blobs)
