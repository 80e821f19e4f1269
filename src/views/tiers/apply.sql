-- views.tiers.apply
insert into package_tiers (repository, manifest, tier, tiered_at_ms, position)
select * from unnest($1::text[], $2::bytea[], $3::text[], $4::bigint[], $5::bigint[])
on conflict on constraint package_tiers_pkey do update set
    tier = excluded.tier, tiered_at_ms = excluded.tiered_at_ms, position = excluded.position
