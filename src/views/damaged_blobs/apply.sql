-- views.damaged_blobs.apply
-- What was found counts only if the blob still has that object. The first finding stays.
insert into damaged_blobs (blake3, store, object, found, damaged_at_ms, position)
select u.*
from unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
    as u (blake3, store, object, found, damaged_at_ms, position)
join blobs b on b.blake3 = u.blake3 and b.store = u.store and b.object = u.object
on conflict on constraint damaged_blobs_pkey do nothing
