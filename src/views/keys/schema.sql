-- keys: public keys that sign, retired ones too: what they signed stays valid. Written by keys/apply.sql from
-- key.added and key.retired.
create table keys (
    key           text collate "C" not null,
    kind          text collate "C" not null,
    public        bytea not null,
    node          text collate "C" not null,
    added_at_ms   bigint not null,
    retired_at_ms bigint,
    position      bigint not null,
    constraint keys_pkey primary key (key),
    constraint keys_public_check check (octet_length(public) = 32)
);
comment on table keys is 'Signing keys, public part.';
comment on column keys.key is 'First 16 hex characters of the SHA-256 of the public key.';
comment on column keys.kind is 'The one kind of statement that it signs: grant, receipt, checkpoint, order or report.';
comment on column keys.public is 'Ed25519 public key, 32 bytes (RFC 8032).';
comment on column keys.node is 'The node that holds the private key.';
comment on column keys.added_at_ms is 'When it was added: milliseconds since the Unix epoch, UTC.';
comment on column keys.retired_at_ms is 'When it was first retired: milliseconds since the Unix epoch, UTC; null if it signs still.';
comment on column keys.position is 'The event that added it: place in the log, 0-based.';
