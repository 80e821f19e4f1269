-- pins: what each pin claims now. Written by pins/apply.sql from pin.set and pin.released. The log has their history.
-- Room is left in each page because pins move.
create table pins (
    repository text collate "C" not null,
    pin        text collate "C" not null,
    manifest   bytea not null,
    statement  bytea not null,
    set_at_ms  bigint not null,
    set_by     text collate "C" not null,
    position   bigint not null,
    constraint pins_pkey primary key (repository, pin),
    constraint pins_manifest_check check (octet_length(manifest) = 32),
    constraint pins_statement_check check (octet_length(statement) = 32)
) with (fillfactor = 70);
-- Whether a package may be deleted asks for its pins, once for each.
create index pins_manifest_idx on pins (repository, manifest);
comment on table pins is 'Named claims on manifests, which protect them.';
comment on column pins.repository is 'OCI name of the repository.';
comment on column pins.pin is 'The name, bytewise order.';
comment on column pins.manifest is 'BLAKE3 of the manifest that it claims now, 32 bytes.';
comment on column pins.statement is 'BLAKE3 of the document that says why, 32 bytes.';
comment on column pins.set_at_ms is 'When it was last set: milliseconds since the Unix epoch, UTC.';
comment on column pins.set_by is 'The actor that last set it.';
comment on column pins.position is 'The event that last set it: place in the log, 0-based.';
