-- views.references.settle
-- Blobs $1 are not there any more. Of them, and of $2, those that are neither referenced nor there need no row.
with gone as (
    update blob_claims c
    set stored = false
    from unnest($1::bytea[]) as u (blake3)
    where c.blake3 = u.blake3 and c.packages > 0
)
delete from blob_claims c
using (
    select blake3, true as gone from unnest($1::bytea[]) as u (blake3)
    union all
    select blake3, false from unnest($2::bytea[]) as u (blake3)
) u
where c.blake3 = u.blake3 and c.packages = 0 and (u.gone or not c.stored)
