-- blobs: where the bytes of each blob lie. Written by blobs/apply.sql from blob.stored, by blobs/move.sql from blob.moved.
create table blobs (
    blake3       bytea not null,
    sha256       bytea not null,
    size_bytes   bigint not null,
    store        text collate "C" not null,
    object       text collate "C" not null,
    stored_at_ms bigint not null,
    position     bigint not null,
    constraint blobs_pkey primary key (blake3),
    constraint blobs_blake3_check check (octet_length(blake3) = 32),
    constraint blobs_sha256_check check (octet_length(sha256) = 32)
);
-- Clients name blobs by either digest. Not unique: what the log says is folded, never refused.
create index blobs_sha256_idx on blobs (sha256);
-- A sweep asks which of the objects that lie in a store a blob has. Only for equality, and smaller than the keys.
create index blobs_object_idx on blobs using hash (object);
comment on table blobs is 'Live blobs and the object that has their bytes.';
comment on column blobs.blake3 is 'Primary address, 32 bytes.';
comment on column blobs.sha256 is 'Alias of the same bytes, 32 bytes.';
comment on column blobs.size_bytes is 'Length in bytes.';
comment on column blobs.store is 'The store that has the object, as configuration names it.';
comment on column blobs.object is 'Object key in that store, `<2 hex>/<32 hex>`.';
comment on column blobs.stored_at_ms is 'When the event was recorded: milliseconds since the Unix epoch, UTC.';
comment on column blobs.position is 'The blob.stored or blob.moved event that named this object: place in the log, 0-based.';

-- blob_repositories: where each blob may be used. Written by blobs/apply.sql from blob.stored and blob.linked. By blob
-- first: who asks always knows the blobs, and may not know where they are.
create table blob_repositories (
    blake3       bytea not null,
    repository   text collate "C" not null,
    size_bytes   bigint not null,
    linked_at_ms bigint not null,
    position     bigint not null,
    constraint blob_repositories_pkey primary key (blake3, repository),
    constraint blob_repositories_blake3_check check (octet_length(blake3) = 32)
);
comment on table blob_repositories is 'Links of blobs to the repositories that may use them.';
comment on column blob_repositories.blake3 is 'Primary address of the blob, 32 bytes.';
comment on column blob_repositories.repository is 'OCI name of the repository.';
comment on column blob_repositories.size_bytes is 'What it added to the totals of the repository: length in bytes.';
comment on column blob_repositories.linked_at_ms is 'When: milliseconds since the Unix epoch, UTC.';
comment on column blob_repositories.position is 'The first event that linked it: place in the log, 0-based.';
