-- views.manifests.page
select
    m.repository, m.blake3, m.sha256, m.size_bytes, m.media_type, m.artifact_type, m.subject, m.oci_sha256,
    m.oci_size_bytes, m.blobs, m.blobs_bytes, m.accepted_at_ms, m.accepted_by, m.position
from manifests m
where (m.repository, m.blake3) > ($1, $2::bytea)
order by m.repository, m.blake3
limit $3
