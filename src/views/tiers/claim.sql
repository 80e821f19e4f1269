-- views.tiers.claim
-- What packages $1, $2 claim by now, as far as they are warm or cold.
insert into tiered_claims (blake3, repository, manifest, tier)
select distinct b.blake3, t.repository, t.manifest, t.tier
from unnest($1::text[], $2::bytea[]) as u (repository, manifest)
join package_tiers t on t.repository = u.repository and t.manifest = u.manifest and t.tier <> 'hot'
join package_references p on p.repository = u.repository and p.manifest = u.manifest
cross join unnest(p.blobs) as b (blake3)
on conflict on constraint tiered_claims_pkey do nothing
