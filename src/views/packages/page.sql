-- views.packages.page
-- Packages behind ($1, $2), with the last day on which each was read, which is the end of a range of the key, and pins.
select
    m.repository,
    m.blake3,
    m.size_bytes,
    m.media_type,
    m.artifact_type,
    m.subject,
    m.blobs_bytes,
    m.accepted_at_ms,
    (select max(r.day) from reads r where r.repository = m.repository and r.manifest = m.blake3) as last_read_day,
    array(
        select p.pin from pins p where p.repository = m.repository and p.manifest = m.blake3 order by p.pin
    ) as "pins!"
from manifests m
where (m.repository, m.blake3) > ($1, $2)
order by m.repository, m.blake3
limit $3
