-- views.manifests.apply
-- Rows to make where there are none, and the packages that they add to the totals of their repositories.
with accepted as (
    insert into manifests (
        repository, blake3, sha256, size_bytes, media_type, artifact_type, subject, oci_sha256, oci_size_bytes,
        blobs, blobs_bytes, accepted_at_ms, accepted_by, position
    )
    select * from unnest(
        $1::text[], $2::bytea[], $3::bytea[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::bytea[],
        $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::bigint[]
    )
    on conflict on constraint manifests_pkey do nothing
    returning repository
)
insert into repository_totals as totals (repository, packages, blobs, blobs_bytes)
select repository, count(*), 0, 0 from accepted group by repository
on conflict on constraint repository_totals_pkey do update set packages = totals.packages + excluded.packages
