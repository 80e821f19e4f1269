-- views.tiers.remove
-- Packages $1, $2 that are deleted, with what they claim.
with removed as (
    delete from package_tiers t
    using unnest($1::text[], $2::bytea[]) as u (repository, manifest)
    where t.repository = u.repository and t.manifest = u.manifest
)
delete from tiered_claims c
using unnest($1::text[], $2::bytea[]) as u (repository, manifest)
where c.repository = u.repository and c.manifest = u.manifest
