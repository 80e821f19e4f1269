-- retention: locks of packages. Written by retention/apply.sql from lock.extended and lock.bypassed, removed by
-- retention/remove.sql with manifest.deleted. No row: it was never locked.
create table retention (
    repository           text collate "C" not null,
    manifest             bytea not null,
    governance_until_ms  bigint,
    governance_position  bigint,
    compliance_until_ms  bigint,
    compliance_position  bigint,
    bypassed_until_ms    bigint,
    bypassed_position    bigint,
    position             bigint not null,
    constraint retention_pkey primary key (repository, manifest),
    constraint retention_manifest_check check (octet_length(manifest) = 32)
);
-- A deletion asks whether anything was locked since it was decided.
create index retention_position_idx on retention (position);
comment on table retention is 'Until when packages are locked.';
comment on column retention.repository is 'OCI name of the repository.';
comment on column retention.manifest is 'BLAKE3 of the manifest, 32 bytes.';
comment on column retention.governance_until_ms is 'End of the governance lock: milliseconds since the Unix epoch, UTC. Null: none.';
comment on column retention.governance_position is 'The event that moved it there: place in the log, 0-based.';
comment on column retention.compliance_until_ms is 'End of the compliance lock: milliseconds since the Unix epoch, UTC. Null: none.';
comment on column retention.compliance_position is 'The event that moved it there: place in the log, 0-based.';
comment on column retention.bypassed_until_ms is 'Governance locks that end then or before do not count: milliseconds since the Unix epoch, UTC.';
comment on column retention.bypassed_position is 'The event that says so: place in the log, 0-based.';
comment on column retention.position is 'The last event about it: place in the log, 0-based.';
