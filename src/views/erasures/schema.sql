-- erased_documents: documents that may not be there any more, wherever they were. Written by erasures/apply_documents.sql from
-- document.erased.
create table erased_documents (
    document     bytea not null,
    sha256       bytea not null,
    manifest     bytea,
    statement    bytea not null,
    erased_at_ms bigint not null,
    erased_by    text collate "C" not null,
    position     bigint not null,
    constraint erased_documents_pkey primary key (document),
    constraint erased_documents_document_check check (octet_length(document) = 32),
    constraint erased_documents_sha256_check check (octet_length(sha256) = 32),
    constraint erased_documents_manifest_check check (octet_length(manifest) = 32),
    constraint erased_documents_statement_check check (octet_length(statement) = 32)
);
create index erased_documents_sha256_idx on erased_documents (sha256);
comment on table erased_documents is 'Documents that were erased because a law demands it.';
comment on column erased_documents.document is 'BLAKE3 of the document, 32 bytes.';
comment on column erased_documents.sha256 is 'SHA-256 of the document, 32 bytes.';
comment on column erased_documents.manifest is 'BLAKE3 of the manifest that it is the OCI rendering of, 32 bytes; null: it is no rendering.';
comment on column erased_documents.statement is 'BLAKE3 of the document with the legal ground and the reason, 32 bytes.';
comment on column erased_documents.erased_at_ms is 'When: milliseconds since the Unix epoch, UTC.';
comment on column erased_documents.erased_by is 'The actor that erased it.';
comment on column erased_documents.position is 'The first event that erased it: place in the log, 0-based.';

-- erased_packages: packages that may not come back to their repositories. Written by erasures/apply_packages.sql from
-- manifest.deleted where its authority is an erasure.
create table erased_packages (
    repository   text collate "C" not null,
    manifest     bytea not null,
    sha256       bytea not null,
    statement    bytea not null,
    erased_at_ms bigint not null,
    erased_by    text collate "C" not null,
    position     bigint not null,
    constraint erased_packages_pkey primary key (repository, manifest),
    constraint erased_packages_manifest_check check (octet_length(manifest) = 32),
    constraint erased_packages_sha256_check check (octet_length(sha256) = 32),
    constraint erased_packages_statement_check check (octet_length(statement) = 32)
);
create index erased_packages_sha256_idx on erased_packages (repository, sha256);
comment on table erased_packages is 'Packages that were erased because a law demands it.';
comment on column erased_packages.repository is 'OCI name of the repository.';
comment on column erased_packages.manifest is 'BLAKE3 of the manifest, 32 bytes.';
comment on column erased_packages.sha256 is 'SHA-256 of the manifest, 32 bytes.';
comment on column erased_packages.statement is 'BLAKE3 of the document with the legal ground and the reason, 32 bytes.';
comment on column erased_packages.erased_at_ms is 'When: milliseconds since the Unix epoch, UTC.';
comment on column erased_packages.erased_by is 'The actor that erased it.';
comment on column erased_packages.position is 'The first event that erased it: place in the log, 0-based.';
