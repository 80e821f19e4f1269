-- views.repositories.apply
-- $1..$8 are rows as they are after this run, made where there are none; $9..$15 are settings for rows that were
-- there before, null where they are not named. Both parts see the table as it was, so a row is met by one of them only.
with updated as (
    update repositories r
    set public = u.public,
        provenance = coalesce(u.provenance, r.provenance),
        quota_bytes = coalesce(u.quota_bytes, r.quota_bytes),
        quota_packages = coalesce(u.quota_packages, r.quota_packages),
        updated_at_ms = u.updated_at_ms,
        position = u.position
    from unnest(
        $9::text[], $10::boolean[], $11::bigint[], $12::bigint[], $13::text[], $14::bigint[], $15::bigint[]
    ) as u (name, public, updated_at_ms, position, provenance, quota_bytes, quota_packages)
    where r.name = u.name
)
insert into repositories
    (name, public, created_at_ms, updated_at_ms, position, provenance, quota_bytes, quota_packages)
select
    c.name, c.public, c.created_at_ms, c.updated_at_ms, c.position,
    coalesce(c.provenance, 'off'), coalesce(c.quota_bytes, 0), coalesce(c.quota_packages, 0)
from unnest(
    $1::text[], $2::boolean[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[]
) as c (name, public, created_at_ms, updated_at_ms, position, provenance, quota_bytes, quota_packages)
on conflict on constraint repositories_pkey do nothing
