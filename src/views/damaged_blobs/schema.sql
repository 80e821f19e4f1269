-- damaged_blobs: blobs whose object was found corrupt or missing, until they are stored again or found restored.
-- Written by damaged_blobs/apply.sql from blob.corrupt, by damaged_blobs/restore.sql from blob.verified, and by
-- blobs/apply.sql from blob.stored, by blobs/move.sql from blob.moved.
create table damaged_blobs (
    blake3        bytea not null,
    store         text collate "C" not null,
    object        text collate "C" not null,
    found         text collate "C" not null,
    damaged_at_ms bigint not null,
    position      bigint not null,
    constraint damaged_blobs_pkey primary key (blake3),
    constraint damaged_blobs_blake3_check check (octet_length(blake3) = 32)
);
comment on table damaged_blobs is 'Blobs that are given to nobody: their bytes are not what they were.';
comment on column damaged_blobs.blake3 is 'Primary address of the blob, 32 bytes.';
comment on column damaged_blobs.store is 'The store that has the object, as configuration names it.';
comment on column damaged_blobs.object is 'Object key in that store, `<2 hex>/<32 hex>`: the one that the blob has now.';
comment on column damaged_blobs.found is 'corrupt or missing.';
comment on column damaged_blobs.damaged_at_ms is 'When that was recorded: milliseconds since the Unix epoch, UTC.';
comment on column damaged_blobs.position is 'The first blob.corrupt event that says so: place in the log, 0-based.';
