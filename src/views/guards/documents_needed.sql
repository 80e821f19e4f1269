-- views.guards.documents_needed
-- Of the documents $1, $2 (BLAKE3 and SHA-256), those that packages other than $3, $4 have, or that decisions need; 1-based. A
-- repository at a time: its indexes begin with its name.
with but as (
    select * from unnest($3::text[], $4::bytea[]) as but (repository, blake3)
)
select u.ordinal as "ordinal!"
from unnest($1::bytea[], $2::bytea[]) with ordinality as u (blake3, sha256, ordinal)
where exists (
        select
        from repositories r
        cross join lateral (
            select m.blake3 from manifests m where m.repository = r.name and m.sha256 = u.sha256
            union all
            select m.blake3 from manifests m where m.repository = r.name and m.oci_sha256 = u.sha256
        ) found
        where not exists (select from but where but.repository = r.name and but.blake3 = found.blake3)
    )
    or exists (
        select from holds h where h.selector = u.blake3 and (h.release_position is null or h.kind = 'event')
    )
    or exists (select from policies p where p.document = u.blake3)
    or exists (select from plans p where p.plan = u.blake3)
    or exists (select from erased_packages e where e.statement = u.blake3)
    or exists (select from erased_documents e where e.statement = u.blake3)
order by u.ordinal
