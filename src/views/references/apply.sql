-- views.references.apply
-- $1..$3 are blobs of packages, one row for each, in the order of the events; $4..$6 parts of indexes; $7..$9 what that and
-- what was removed mean for blobs, $10 which of them were stored.
with added as (
    insert into package_references as p (repository, manifest, blobs)
    select u.repository, u.manifest, coalesce(array_agg(u.blob order by u.n) filter (where u.blob is not null), '{}')
    from unnest($1::text[], $2::bytea[], $3::bytea[]) with ordinality as u (repository, manifest, blob, n)
    group by u.repository, u.manifest
    on conflict on constraint package_references_pkey do update set blobs = p.blobs || excluded.blobs
),
listed as (
    insert into index_parts (repository, part, listed_by)
    select * from unnest($4::text[], $5::bytea[], $6::bytea[])
    on conflict on constraint index_parts_pkey do nothing
)
insert into blob_claims as c (blake3, packages, touched_ms, stored)
select * from unnest($7::bytea[], $8::bigint[], $9::bigint[], $10::boolean[])
on conflict on constraint blob_claims_pkey do update set
    packages = c.packages + excluded.packages,
    touched_ms = greatest(c.touched_ms, excluded.touched_ms),
    stored = c.stored or excluded.stored
