-- views.blobs.apply
-- $1..$7 are blobs that were stored, $8..$12 links to make where there are none. A link without a size is of a blob
-- that was stored before this run: all parts see the tables as they were, which is what it means. What is stored again
-- is damaged no more.
with stored as (
    insert into blobs (blake3, sha256, size_bytes, store, object, stored_at_ms, position)
    select * from unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
    on conflict on constraint blobs_pkey do update set
        sha256 = excluded.sha256,
        size_bytes = excluded.size_bytes,
        store = excluded.store,
        object = excluded.object,
        stored_at_ms = excluded.stored_at_ms,
        position = excluded.position
),
healed as (
    delete from damaged_blobs where blake3 = any ($1::bytea[])
),
linked as (
    insert into blob_repositories (blake3, repository, size_bytes, linked_at_ms, position)
    select
        l.blake3, l.repository,
        coalesce(l.size_bytes, (select b.size_bytes from blobs b where b.blake3 = l.blake3), 0),
        l.linked_at_ms, l.position
    from unnest($8::bytea[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[])
        as l (blake3, repository, size_bytes, linked_at_ms, position)
    on conflict on constraint blob_repositories_pkey do nothing
    returning repository, size_bytes
)
insert into repository_totals as totals (repository, packages, blobs, blobs_bytes)
select repository, 0, count(*), sum(size_bytes)::bigint from linked group by repository
on conflict on constraint repository_totals_pkey do update set
    blobs = totals.blobs + excluded.blobs,
    blobs_bytes = totals.blobs_bytes + excluded.blobs_bytes
