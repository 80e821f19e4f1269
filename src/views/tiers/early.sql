-- views.tiers.early
-- What it costs to take blobs of packages out of stores $1, of tiers $2, before they lay there for $3 days, at the time $4: bytes
-- times the days that are left, begun ones counted. With $5 of the packages of that repository.
select
    p.repository,
    p.manifest,
    s.tier as "tier!",
    least(
        sum(b.size_bytes::numeric * ceil((b.stored_at_ms + s.days * 86400000 - $4) / 86400000.0)), 9223372036854775807
    )::bigint as "byte_days!"
from package_references p
cross join unnest(p.blobs) as r (blake3)
join blobs b on b.blake3 = r.blake3
join unnest($1::text[], $2::text[], $3::bigint[]) as s (store, tier, days) on s.store = b.store
where b.stored_at_ms + s.days * 86400000 > $4
    and ($5::text is null or p.repository = $5)
group by p.repository, p.manifest, s.tier
