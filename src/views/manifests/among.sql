-- views.manifests.among
-- Of the packages $1, $2, those that are there.
select
    m.repository, m.blake3, m.sha256, m.size_bytes, m.media_type, m.artifact_type, m.subject, m.oci_sha256,
    m.oci_size_bytes, m.blobs, m.blobs_bytes, m.accepted_at_ms, m.accepted_by, m.position
from unnest($1::text[], $2::bytea[]) as u (repository, blake3)
join manifests m on m.repository = u.repository and m.blake3 = u.blake3
