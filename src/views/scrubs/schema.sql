-- scrubs: how far the reading of all blobs of a store is. Written by scrubs/apply.sql from blob.verified.
create table scrubs (
    store           text collate "C" not null,
    started_at_ms   bigint not null,
    through         bytea,
    blobs           bigint not null,
    size_bytes      bigint not null,
    completed_at_ms bigint,
    at_ms           bigint not null,
    position        bigint not null,
    constraint scrubs_pkey primary key (store)
);
comment on table scrubs is 'The latest reading of all blobs of each store.';
comment on column scrubs.store is 'The store, as configuration names it.';
comment on column scrubs.started_at_ms is 'When its first summary was recorded: milliseconds since the Unix epoch, UTC.';
comment on column scrubs.through is 'The last address that was read, 32 bytes; null: all were.';
comment on column scrubs.blobs is 'Blobs that were read and are what they were.';
comment on column scrubs.size_bytes is 'Their bytes together.';
comment on column scrubs.completed_at_ms is 'When all were read last, by this reading or one before: milliseconds since the Unix epoch, UTC.';
comment on column scrubs.at_ms is 'When the last summary was recorded: milliseconds since the Unix epoch, UTC.';
comment on column scrubs.position is 'The last summary: place in the log, 0-based.';
