-- manifests: the packages of each repository. Written by manifests/apply.sql from manifest.accepted. What they say
-- is a document of the log; what queries need of it is in the event.
create table manifests (
    repository     text collate "C" not null,
    blake3         bytea not null,
    sha256         bytea not null,
    size_bytes     bigint not null,
    media_type     text not null,
    artifact_type  text,
    subject        bytea,
    oci_sha256     bytea,
    oci_size_bytes bigint,
    blobs          bigint not null,
    blobs_bytes    bigint not null,
    accepted_at_ms bigint not null,
    accepted_by    text collate "C" not null,
    position       bigint not null,
    constraint manifests_pkey primary key (repository, blake3),
    constraint manifests_blake3_check check (octet_length(blake3) = 32),
    constraint manifests_sha256_check check (octet_length(sha256) = 32),
    constraint manifests_subject_check check (octet_length(subject) = 32),
    constraint manifests_oci_sha256_check check (octet_length(oci_sha256) = 32)
);
-- Lists are in the order of acceptance; the three others are the names by which clients ask.
create index manifests_position_idx on manifests (repository, position);
create index manifests_sha256_idx on manifests (repository, sha256);
create index manifests_oci_sha256_idx on manifests (repository, oci_sha256) where oci_sha256 is not null;
create index manifests_subject_idx on manifests (repository, subject, position) where subject is not null;
comment on table manifests is 'Accepted packages.';
comment on column manifests.repository is 'OCI name of the repository.';
comment on column manifests.blake3 is 'Primary address of the manifest document, 32 bytes.';
comment on column manifests.sha256 is 'Alias of the same document, 32 bytes.';
comment on column manifests.size_bytes is 'Length of the document in bytes.';
comment on column manifests.media_type is 'Media type of the document.';
comment on column manifests.artifact_type is 'What kind of package it says it is; null if it does not.';
comment on column manifests.subject is 'BLAKE3 of the manifest that it is about, 32 bytes; null if none.';
comment on column manifests.oci_sha256 is 'SHA-256 of its frozen OCI rendering, 32 bytes; null where it is OCI JSON itself.';
comment on column manifests.oci_size_bytes is 'Length of that rendering in bytes.';
comment on column manifests.blobs is 'Distinct blobs that it references, its config among them.';
comment on column manifests.blobs_bytes is 'Bytes of those blobs together.';
comment on column manifests.accepted_at_ms is 'When: milliseconds since the Unix epoch, UTC.';
comment on column manifests.accepted_by is 'The actor that deposited it.';
comment on column manifests.position is 'The event that accepted it: place in the log, 0-based.';
