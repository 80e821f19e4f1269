-- views.manifests.get
-- One of $2 and $3 is null. A rendering is named by its SHA-256 alone, a document by either digest.
select
    m.repository, m.blake3, m.sha256, m.size_bytes, m.media_type, m.artifact_type, m.subject, m.oci_sha256,
    m.oci_size_bytes, m.blobs, m.blobs_bytes, m.accepted_at_ms, m.accepted_by, m.position
from manifests m
where m.repository = $1 and (m.blake3 = $2 or m.sha256 = $3 or m.oci_sha256 = $3)
order by m.position
limit 1
