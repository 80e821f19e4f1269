-- retrievals: packages that were asked for from cold stores. Written by retrievals/insert.sql from retrieval.requested, by
-- retrievals/update.sql from retrieval.restoring, retrieval.available and retrieval.failed.
create table retrievals (
    retrieval       uuid not null,
    repository      text collate "C" not null,
    manifest        bytea not null,
    blobs           bigint not null,
    bytes           bigint not null,
    days            bigint not null,
    requested_at_ms bigint not null,
    requested_by    text collate "C" not null,
    position        bigint not null,
    restoring_at_ms bigint,
    available_at_ms bigint,
    until_ms        bigint,
    failed_at_ms    bigint,
    failed_code     text collate "C",
    constraint retrievals_pkey primary key (retrieval),
    constraint retrievals_manifest_check check (octet_length(manifest) = 32)
);
create index retrievals_package_idx on retrievals (repository, manifest, position);
-- Whoever goes on with them asks for those that are not over.
create index retrievals_open_idx on retrievals (position) where until_ms is null and failed_code is null;
comment on table retrievals is 'Packages that were asked for from cold stores, and how far each is.';
comment on column retrievals.retrieval is 'By which it is asked about.';
comment on column retrievals.repository is 'OCI name of the repository.';
comment on column retrievals.manifest is 'BLAKE3 of the manifest, 32 bytes.';
comment on column retrievals.blobs is 'Blobs of the package that lay in a cold store then.';
comment on column retrievals.bytes is 'Their bytes.';
comment on column retrievals.days is 'For how many days it is to be readable.';
comment on column retrievals.requested_at_ms is 'When: milliseconds since the Unix epoch, UTC; so for all times here.';
comment on column retrievals.requested_by is 'Who asked first.';
comment on column retrievals.position is 'The retrieval.requested event: place in the log, 0-based.';
comment on column retrievals.restoring_at_ms is 'Since when the store is at it. Null: it was not needed, or not asked yet.';
comment on column retrievals.available_at_ms is 'Since when it may be read. Null: not yet.';
comment on column retrievals.until_ms is 'Until when it may be read.';
comment on column retrievals.failed_at_ms is 'When it was given up.';
comment on column retrievals.failed_code is 'Why: package-deleted, blob-missing or gave-up.';
