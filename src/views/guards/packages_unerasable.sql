-- views.guards.packages_unerasable
-- Of the packages $1, $2, those about which something changed at size $4 of the log or behind it, $3 pins claimed each then;
-- 1-based.
with u as (
    select * from unnest($1::text[], $2::bytea[], $3::bigint[]) with ordinality as u (repository, blake3, pins, ordinal)
)
select found.ordinal as "ordinal!", found.kept as "kept!"
from (
    select
        u.ordinal,
        case
            when not exists (
                select from manifests m where m.repository = u.repository and m.blake3 = u.blake3
            ) then 'gone'
            when exists (
                select from retention r
                where r.repository = u.repository and r.manifest = u.blake3 and r.position >= $4
            ) then 'locked'
            -- As many, and none of them newer: the same.
            when (
                select count(*) filter (where p.position >= $4) > 0 or count(*) <> u.pins
                from pins p
                where p.repository = u.repository and p.manifest = u.blake3
            ) then 'pinned'
        end as kept
    from u
) found
where found.kept is not null
order by found.ordinal
