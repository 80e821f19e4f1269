-- views.tiers.among
-- Of the packages $1, $2, those that were tiered.
select t.repository, t.manifest, t.tier
from unnest($1::text[], $2::bytea[]) as u (repository, manifest)
join package_tiers t on t.repository = u.repository and t.manifest = u.manifest
