-- views.tiers.remove
-- Packages $1, $2 that are deleted.
delete from package_tiers t
using unnest($1::text[], $2::bytea[]) as u (repository, manifest)
where t.repository = u.repository and t.manifest = u.manifest
