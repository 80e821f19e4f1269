-- views.references.remove
-- Packages $1, $2 that are deleted, with the blobs that they held on to.
with listed as (
    delete from index_parts i
    using unnest($1::text[], $2::bytea[]) as u (repository, manifest)
    where i.repository = u.repository and i.listed_by = u.manifest
)
delete from package_references p
using unnest($1::text[], $2::bytea[], $3::bigint[]) as u (repository, manifest, at_ms)
where p.repository = u.repository and p.manifest = u.manifest
returning p.blobs, u.at_ms as "at_ms!"
