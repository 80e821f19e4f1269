-- tags: what each tag names now. Written by tags/apply.sql from tag.set and tag.removed, and by
-- tags/remove.sql from manifest.deleted. The log has their history.
create table tags (
    repository text collate "C" not null,
    tag        text collate "C" not null,
    manifest   bytea not null,
    set_at_ms  bigint not null,
    set_by     text collate "C" not null,
    position   bigint not null,
    constraint tags_pkey primary key (repository, tag),
    constraint tags_manifest_check check (octet_length(manifest) = 32)
) with (fillfactor = 70);
-- Which tags name a package is asked in lists, and before it is deleted.
create index tags_manifest_idx on tags (repository, manifest);
comment on table tags is 'Movable names of manifests.';
comment on column tags.repository is 'OCI name of the repository.';
comment on column tags.tag is 'The name, bytewise order.';
comment on column tags.manifest is 'BLAKE3 of the manifest that it names now, 32 bytes.';
comment on column tags.set_at_ms is 'When it was last set: milliseconds since the Unix epoch, UTC.';
comment on column tags.set_by is 'The actor that last set it.';
comment on column tags.position is 'The event that last set it: place in the log, 0-based.';
