-- policies: what each retention policy said last, and whether it stands. Written by policies/apply.sql from policy.set and
-- policy.removed. The log has their history.
create table policies (
    policy        text collate "C" not null,
    version       bigint not null,
    document      bytea not null,
    standing      boolean not null,
    changed_at_ms bigint not null,
    changed_by    text collate "C" not null,
    position      bigint not null,
    constraint policies_pkey primary key (policy),
    constraint policies_document_check check (octet_length(document) = 32)
);
-- A deletion asks whether any changed since it was decided.
create index policies_position_idx on policies (position);
comment on table policies is 'Retention policies, those too that were removed.';
comment on column policies.policy is 'Its name, bytewise order.';
comment on column policies.version is 'Its newest version; versions of a name count from 1.';
comment on column policies.document is 'BLAKE3 of the document of that version, 32 bytes.';
comment on column policies.standing is 'Whether it stands; false once it was removed.';
comment on column policies.changed_at_ms is 'When it was last set or removed: milliseconds since the Unix epoch, UTC.';
comment on column policies.changed_by is 'The actor that did.';
comment on column policies.position is 'The event that says so: place in the log, 0-based.';
