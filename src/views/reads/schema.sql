-- reads: who was given which package, once a day. Written by reads/apply.sql from manifest.read-granted. Day before
-- actor in the key: "last read" is then the end of an index range, and "already granted" is the whole key.
create table reads (
    repository    text collate "C" not null,
    manifest      bytea not null,
    day           bigint not null,
    actor         text collate "C" not null,
    granted_at_ms bigint not null,
    position      bigint not null,
    constraint reads_pkey primary key (repository, manifest, day, actor),
    constraint reads_manifest_check check (octet_length(manifest) = 32)
);
comment on table reads is 'The custody trail: reads granted, coalesced by actor, package and day.';
comment on column reads.repository is 'OCI name of the repository.';
comment on column reads.manifest is 'BLAKE3 of the manifest, 32 bytes.';
comment on column reads.day is 'The day in UTC, in days since the Unix epoch, as the event names it.';
comment on column reads.actor is 'Who was given it.';
comment on column reads.granted_at_ms is 'When first on that day: milliseconds since the Unix epoch, UTC.';
comment on column reads.position is 'The first event that granted it on that day: place in the log, 0-based.';
