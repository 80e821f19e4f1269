-- views.tiers.strays
-- Blobs behind address $1, up to $2 if it is given, that lie in a store of another tier than they are to: $3 are stores and $4
-- their tiers; what is to lie in a tier of $5 goes to the store of $6, which has the tier of $7 and takes nothing smaller than
-- $8. What is damaged stays where it is.
select b.blake3, b.sha256, b.size_bytes, b.store, b.object, s.tier as "tier!", d.store as "to_store!", d.tier as "to_tier!"
from blobs b
join blob_claims c on c.blake3 = b.blake3 and c.packages > 0
cross join lateral (
    select count(*) as packages, coalesce(bool_or(t.tier = 'warm'), false) as warm
    from tiered_claims t
    where t.blake3 = b.blake3
) n
join unnest($3::text[], $4::text[]) as s (store, tier) on s.store = b.store
join unnest($5::text[], $6::text[], $7::text[], $8::bigint[]) as d (wanted, store, tier, min_bytes)
    on d.wanted = case when n.packages < c.packages then 'hot' when n.warm then 'warm' else 'cold' end
where b.blake3 > $1
    and ($2::bytea is null or b.blake3 <= $2)
    and d.tier <> s.tier
    and b.size_bytes >= d.min_bytes
    and not exists (select from damaged_blobs x where x.blake3 = b.blake3)
order by b.blake3
limit $9
