-- views.references.unrecorded
-- Packages behind ($1, $2) that were accepted before what they hold on to was recorded.
select m.repository, m.blake3
from manifests m
where (m.repository, m.blake3) > ($1, $2::bytea)
    and not exists (
        select from package_references p where p.repository = m.repository and p.manifest = m.blake3
    )
order by m.repository, m.blake3
limit $3
