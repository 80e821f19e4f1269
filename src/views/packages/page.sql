-- views.packages.page
-- Packages behind ($1, $2), with $4 those of that repository: with the last day on which each was read, which is the end of a
-- range of the key, with its pins, its tier and its locks.
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
where (m.repository, m.blake3) > ($1, $2) and ($4::text is null or m.repository = $4)
order by m.repository, m.blake3
limit $3
