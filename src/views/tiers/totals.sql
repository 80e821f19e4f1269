-- views.tiers.totals
-- All blobs by the store that they lie in, and the one that they wait to be moved to. Parameters as of views.tiers.strays.
select
    b.store,
    moves.store as "to_store?",
    count(*) as "blobs!",
    least(coalesce(sum(b.size_bytes), 0), 9223372036854775807)::bigint as "bytes!"
from blobs b
left join lateral (
    select d.store
    from blob_claims c
    cross join lateral (
        select count(*) as packages, coalesce(bool_or(t.tier = 'warm'), false) as warm
        from tiered_claims t
        where t.blake3 = b.blake3
    ) n
    join unnest($1::text[], $2::text[]) as s (store, tier) on s.store = b.store
    join unnest($3::text[], $4::text[], $5::text[], $6::bigint[]) as d (wanted, store, tier, min_bytes)
        on d.wanted = case when n.packages < c.packages then 'hot' when n.warm then 'warm' else 'cold' end
    where c.blake3 = b.blake3
        and c.packages > 0
        and d.tier <> s.tier
        and b.size_bytes >= d.min_bytes
        and not exists (select from damaged_blobs x where x.blake3 = b.blake3)
) moves on true
group by b.store, moves.store
order by b.store, moves.store
