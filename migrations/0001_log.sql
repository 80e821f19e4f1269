-- The log: the only source of truth (adr/0002). Written by log::append alone; views are folded from it and live in
-- the schema `view`, which no migration touches (adr/0009).

create schema log;

-- One row an event, gap-free. `record` is the truth; the other columns repeat parts of it so that they can be
-- indexed, and the audit compares them with it.
create table log.events (
    position    bigint not null,
    stream      text collate "C" not null,
    seq         bigint not null,
    event_id    uuid not null,
    type        text collate "C" not null,
    repository  text collate "C",
    recorded_at bigint not null,
    record      bytea not null,
    leaf_hash   bytea not null,
    constraint events_pkey primary key (position),
    constraint events_event_id_key unique (event_id),
    constraint events_stream_seq_key unique (stream, seq),
    constraint events_position_check check (position >= 0),
    constraint events_record_check check (octet_length(record) between 1 and 65535),
    constraint events_leaf_hash_check check (octet_length(leaf_hash) = 32)
);
-- Records hold digests and signatures: trying to compress them costs time and saves nothing. Small ones stay in the
-- row, large ones go beside it.
alter table log.events alter column record set storage external;
create index events_repository_idx on log.events (repository, position) where repository is not null;

comment on table log.events is 'Append-only event records, gap-free, in commit order.';
comment on column log.events.position is 'Place in the log, 0-based: the leaf index in the Merkle tree.';
comment on column log.events.stream is 'What the event is about.';
comment on column log.events.seq is 'Version in its stream, 0-based. The largest is the version of the stream.';
comment on column log.events.event_id is 'UUIDv7, unique: an append that is retried is the same append.';
comment on column log.events.type is 'noun.past-tense';
comment on column log.events.repository is 'The repository it concerns, for readers who may see only that one.';
comment on column log.events.recorded_at is 'Milliseconds since the Unix epoch, UTC, never decreasing.';
comment on column log.events.record is 'Canonical CBOR, exactly as hashed.';
comment on column log.events.leaf_hash is 'SHA-256(0x00 || record), RFC 9162.';

-- What the log refers to by digest but is too large for a record, or may have to be erased.
create table log.documents (
    blake3     bytea not null,
    sha256     bytea not null,
    media_type text not null,
    bytes      bytea not null,
    constraint documents_pkey primary key (blake3),
    constraint documents_blake3_check check (octet_length(blake3) = 32),
    constraint documents_sha256_check check (octet_length(sha256) = 32),
    constraint documents_bytes_check check (octet_length(bytes) <= 4194304)
);
create index documents_sha256_idx on log.documents (sha256);
comment on table log.documents is 'Content-addressed canonical documents: manifests and their frozen renderings.';

-- Full tiles only (256 nodes of one level), so that the root at any past size costs a logarithmic number of reads.
create table log.tiles (
    level  smallint not null,
    index  bigint not null,
    hashes bytea not null,
    root   bytea not null,
    constraint tiles_pkey primary key (level, index),
    constraint tiles_hashes_check check (octet_length(hashes) = 8192),
    constraint tiles_root_check check (octet_length(root) = 32)
);
comment on table log.tiles is 'Full Merkle tiles, C2SP tlog-tiles: level l, index n holds nodes n*256.. of tree level 8*l.';
comment on column log.tiles.root is 'Root of the tile: the node n of tree level 8*(l+1).';

create table log.head (
    one             boolean not null default true,
    size            bigint not null,
    frontier        bytea not null,
    last_at         bigint not null,
    fold_generation integer not null,
    constraint head_pkey primary key (one),
    constraint head_one_check check (one)
) with (fillfactor = 10);
comment on table log.head is 'One row: what the next append starts from. Its row lock orders all appends.';
comment on column log.head.size is 'Events in the log.';
comment on column log.head.frontier is 'Roots of the perfect subtrees of that size, largest first, 32 bytes each.';
comment on column log.head.last_at is 'recorded_at of the last event.';
comment on column log.head.fold_generation is 'Which folds wrote the schema view; 0 while there is none.';
insert into log.head (size, frontier, last_at, fold_generation) values (0, '', 0, 0);

create table log.checkpoints (
    size bigint not null,
    root bytea not null,
    note text not null,
    constraint checkpoints_pkey primary key (size),
    constraint checkpoints_root_check check (octet_length(root) = 32)
);
comment on table log.checkpoints is 'Signed checkpoints (C2SP tlog-checkpoint), the last of which is also kept outside the database.';

create function log.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
        using errcode = 'restrict_violation',
              hint = 'Deleting evidence is an event of its own; nothing edits the log.';
end
$$;

-- ALWAYS: also for replication roles, where ordinary triggers do not fire.
create trigger events_append_only before update or delete or truncate on log.events
    for each statement execute function log.refuse_change();
alter table log.events enable always trigger events_append_only;
create trigger tiles_append_only before update or delete or truncate on log.tiles
    for each statement execute function log.refuse_change();
alter table log.tiles enable always trigger tiles_append_only;
create trigger checkpoints_append_only before update or delete or truncate on log.checkpoints
    for each statement execute function log.refuse_change();
alter table log.checkpoints enable always trigger checkpoints_append_only;
create trigger documents_immutable before update or truncate on log.documents
    for each statement execute function log.refuse_change();
alter table log.documents enable always trigger documents_immutable;
