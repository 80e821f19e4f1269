-- views.references.release
-- Blobs $1 lose $2 packages each, at $3. Answers those that are neither referenced nor there by then.
with released as (
    update blob_claims c
    set packages = c.packages - u.packages, touched_ms = greatest(c.touched_ms, u.touched_ms)
    from unnest($1::bytea[], $2::bigint[], $3::bigint[]) as u (blake3, packages, touched_ms)
    where c.blake3 = u.blake3
    returning c.blake3, c.packages, c.stored
)
select blake3
from released
where packages = 0 and not stored
