-- views.manifests.by_tag
select
    m.repository, m.blake3, m.sha256, m.size_bytes, m.media_type, m.artifact_type, m.subject, m.oci_sha256,
    m.oci_size_bytes, m.blobs, m.blobs_bytes, m.accepted_at_ms, m.accepted_by, m.position
from tags t
join manifests m on m.repository = t.repository and m.blake3 = t.manifest
where t.repository = $1 and t.tag = $2
