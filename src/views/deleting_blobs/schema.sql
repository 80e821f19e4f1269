-- deleting_blobs: objects that blobs had, and that are not known to be gone. Written by deleting_blobs/apply.sql from
-- blob.deletion-started, blob.moved and blob.deleted.
create table deleting_blobs (
    store         text collate "C" not null,
    object        text collate "C" not null,
    blake3        bytea not null,
    size_bytes    bigint not null,
    started_at_ms bigint not null,
    position      bigint not null,
    moved         boolean not null,
    constraint deleting_blobs_pkey primary key (store, object),
    constraint deleting_blobs_blake3_check check (octet_length(blake3) = 32)
);
comment on table deleting_blobs is 'Objects that are to be deleted. Their blobs are absent already, or have another one.';
comment on column deleting_blobs.store is 'The store that has it, as configuration names it.';
comment on column deleting_blobs.object is 'Object key in that store, `<2 hex>/<32 hex>`.';
comment on column deleting_blobs.blake3 is 'Primary address of the blob, 32 bytes.';
comment on column deleting_blobs.size_bytes is 'Length in bytes.';
comment on column deleting_blobs.started_at_ms is 'When: milliseconds since the Unix epoch, UTC.';
comment on column deleting_blobs.position is 'The blob.deletion-started or blob.moved event: place in the log, 0-based.';
comment on column deleting_blobs.moved is 'Whether the blob has another object now: grants to read this one may still stand.';

-- deleted_totals: what garbage collection freed. Written as deleting_blobs.
create table deleted_totals (
    store   text collate "C" not null,
    objects bigint not null,
    bytes   bigint not null,
    constraint deleted_totals_pkey primary key (store)
) with (fillfactor = 50);
comment on table deleted_totals is 'Objects that garbage collection deleted, by store.';
comment on column deleted_totals.store is 'The store that had them, as configuration names it.';
comment on column deleted_totals.objects is 'How many.';
comment on column deleted_totals.bytes is 'Their bytes.';
