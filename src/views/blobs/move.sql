-- views.blobs.move
-- Blobs $1 that have another object from now on, where they are there. The copy was compared with their digests: what was
-- damaged is so no more.
with healed as (
    delete from damaged_blobs where blake3 = any ($1::bytea[])
)
update blobs b
set store = u.store, object = u.object, stored_at_ms = u.at_ms, position = u.position
from unnest($1::bytea[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
    as u (blake3, store, object, at_ms, position)
where b.blake3 = u.blake3
