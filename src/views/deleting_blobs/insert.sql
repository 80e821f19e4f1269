-- views.deleting_blobs.insert
insert into deleting_blobs (store, object, blake3, size_bytes, started_at_ms, position, moved)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[], $7::boolean[])
