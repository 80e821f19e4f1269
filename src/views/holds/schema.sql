-- holds: what may not be deleted. Written by holds/apply.sql from hold.placed and hold.released. Released ones stay: the
-- release of an event hold starts the clock of what it covered.
create table holds (
    hold              text collate "C" not null,
    kind              text collate "C" not null,
    repository        text collate "C",
    manifest          bytea,
    selector          bytea,
    statement         bytea not null,
    placed_at_ms      bigint not null,
    placed_by         text collate "C" not null,
    position          bigint not null,
    released_at_ms    bigint,
    released_by       text collate "C",
    release_statement bytea,
    release_position  bigint,
    constraint holds_pkey primary key (hold),
    constraint holds_manifest_check check (octet_length(manifest) = 32),
    constraint holds_selector_check check (octet_length(selector) = 32)
);
create index holds_position_idx on holds (position);
create index holds_release_position_idx on holds (release_position);
comment on table holds is 'Holds, standing and released.';
comment on column holds.hold is 'Its name.';
comment on column holds.kind is 'litigation, or event: its release starts the clock.';
comment on column holds.repository is 'OCI name of the repository that it covers, or of that of its package. Null: a query.';
comment on column holds.manifest is 'BLAKE3 of the package that it covers, 32 bytes. Null: all of the repository, or a query.';
comment on column holds.selector is 'BLAKE3 of the document that selects what it covers, 32 bytes.';
comment on column holds.statement is 'BLAKE3 of the document with its matter and reason, 32 bytes.';
comment on column holds.placed_at_ms is 'When: milliseconds since the Unix epoch, UTC.';
comment on column holds.placed_by is 'The actor that placed it.';
comment on column holds.position is 'The hold.placed event: place in the log, 0-based.';
comment on column holds.released_at_ms is 'When: milliseconds since the Unix epoch, UTC. Null: it stands.';
comment on column holds.released_by is 'The actor that released it.';
comment on column holds.release_statement is 'BLAKE3 of the document with the reason for that, 32 bytes.';
comment on column holds.release_position is 'The hold.released event: place in the log, 0-based.';
