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
)
update repository_totals t
set blobs = t.blobs - u.blobs, blobs_bytes = t.blobs_bytes - u.bytes
from totals u
where t.repository = u.repository
