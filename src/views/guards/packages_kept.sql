-- views.guards.packages_kept
-- Of the packages $1, $2, those that may not be deleted as somebody wanted who saw the log at size $3, and why. 1-based.
with u as materialized (
    select * from unnest($1::text[], $2::bytea[]) with ordinality as u (repository, blake3, ordinal)
)
select found.ordinal as "ordinal!", found.kept as "kept!"
from (
    select
        u.ordinal,
        case
            -- What was accepted since is another package, which nobody wanted deleted.
            when m.blake3 is null or m.position >= $3 then 'gone'
            when exists (
                select from retention r
                where r.repository = u.repository and r.manifest = u.blake3 and r.position >= $3
            ) then 'locked'
            when exists (
                select from pins p where p.repository = u.repository and p.manifest = u.blake3
            ) then 'pinned'
            when exists (
                select from tags t
                where t.repository = u.repository and t.manifest = u.blake3 and t.position >= $3
            ) then 'tagged'
            when exists (
                select from manifests r
                where r.repository = u.repository and r.subject = u.blake3 and r.position >= $3
            ) then 'referred'
            when exists (
                select from index_parts i
                where i.repository = u.repository
                    and i.part = u.blake3
                    and not exists (
                        select from u o where o.repository = u.repository and o.blake3 = i.listed_by
                    )
            ) then 'live'
            when exists (
                select from manifests s
                where s.repository = u.repository
                    and s.blake3 = m.subject
                    and not exists (select from u o where o.repository = u.repository and o.blake3 = m.subject)
            ) then 'live'
        end as kept
    from u
    left join manifests m on m.repository = u.repository and m.blake3 = u.blake3
) found
where found.kept is not null
order by found.ordinal
