-- views.tiers.unclaim
-- What packages $1, $2 claim, which is said anew.
delete from tiered_claims c
using unnest($1::text[], $2::bytea[]) as u (repository, manifest)
where c.repository = u.repository and c.manifest = u.manifest
