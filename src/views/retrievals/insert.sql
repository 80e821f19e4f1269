-- views.retrievals.insert
-- What was asked for in this run, unless it was before.
insert into retrievals (
    retrieval, repository, manifest, blobs, bytes, days, requested_at_ms, requested_by, position, restoring_at_ms,
    available_at_ms, until_ms, failed_at_ms, failed_code
)
select * from unnest(
    $1::uuid[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[],
    $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[]
)
on conflict on constraint retrievals_pkey do nothing
