-- views.packages.among
-- The packages $2 of repository $1: as in packages/page.sql.
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
    ) as "pins!",
    t.tier as "tier?",
    l.governance_until_ms as "governance_until_ms?",
    l.compliance_until_ms as "compliance_until_ms?",
    l.bypassed_until_ms as "bypassed_until_ms?"
from manifests m
left join package_tiers t on t.repository = m.repository and t.manifest = m.blake3
left join retention l on l.repository = m.repository and l.manifest = m.blake3
where m.repository = $1 and m.blake3 = any ($2::bytea[])
order by m.blake3
