-- views.damaged_blobs.restore
delete from damaged_blobs d
using unnest($1::bytea[], $2::text[]) as u (blake3, store)
where d.blake3 = u.blake3 and d.store = u.store
