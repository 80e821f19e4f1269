-- tokens: API tokens, revoked ones too. Written by tokens/apply.sql from token.minted and token.revoked.
create table tokens (
    token              text collate "C" not null,
    hash               bytea not null,
    subject            text collate "C" not null,
    scopes             text[] not null,
    expires_at_seconds bigint,
    minted_at_ms       bigint not null,
    minted_by          text collate "C" not null,
    revoked_at_ms      bigint,
    revoked_by         text collate "C",
    position           bigint not null,
    constraint tokens_pkey primary key (token),
    constraint tokens_hash_check check (octet_length(hash) = 32)
);
-- Every request that brings a token asks by the hash of its secret.
create index tokens_hash_idx on tokens (hash);
comment on table tokens is 'API tokens. Secrets are nowhere.';
comment on column tokens.token is 'Public name, `tok_` and 32 hex characters.';
comment on column tokens.hash is 'SHA-256 of the secret, 32 bytes.';
comment on column tokens.subject is 'The actor that events by this token name.';
comment on column tokens.scopes is 'What it may do, each as written in the scope grammar, in the order given.';
comment on column tokens.expires_at_seconds is 'When it stops working: seconds since the Unix epoch, UTC; null for never.';
comment on column tokens.minted_at_ms is 'When it was made: milliseconds since the Unix epoch, UTC.';
comment on column tokens.minted_by is 'The actor that made it.';
comment on column tokens.revoked_at_ms is 'When it was first revoked: milliseconds since the Unix epoch, UTC; null if it was not.';
comment on column tokens.revoked_by is 'The actor that first revoked it; null if it was not.';
comment on column tokens.position is 'The event that minted it: place in the log, 0-based.';
