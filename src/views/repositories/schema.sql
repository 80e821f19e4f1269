-- repositories: what exists, with its settings. Written by repositories/apply.sql from repository.created and
-- repository.updated.
create table repositories (
    name           text collate "C" not null,
    public         boolean not null,
    provenance     text collate "C" not null,
    quota_bytes    bigint not null,
    quota_packages bigint not null,
    created_at_ms  bigint not null,
    updated_at_ms  bigint not null,
    position       bigint not null,
    constraint repositories_pkey primary key (name),
    constraint repositories_provenance_check check (provenance in ('off', 'warn', 'enforce'))
);
comment on table repositories is 'Repositories and their settings.';
comment on column repositories.name is 'OCI name, bytewise order.';
comment on column repositories.public is 'Whether anyone may read it without a token.';
comment on column repositories.provenance is 'What becomes of a pin on a package that does not say what it was built from.';
comment on column repositories.quota_bytes is 'Bytes of the blobs linked in it, at most; 0: any number.';
comment on column repositories.quota_packages is 'Packages accepted in it, at most; 0: any number.';
comment on column repositories.created_at_ms is 'When it came to be: milliseconds since the Unix epoch, UTC.';
comment on column repositories.updated_at_ms is 'When its settings last changed: milliseconds since the Unix epoch, UTC.';
comment on column repositories.position is 'The event that last changed it: place in the log, 0-based.';

-- repository_totals: apart from the settings, because deposits change it with every batch. Written by
-- manifests and blobs (apply.sql, remove.sql). What holds nothing has no row, whether it held something once or not.
create table repository_totals (
    repository  text collate "C" not null,
    packages    bigint not null,
    blobs       bigint not null,
    blobs_bytes bigint not null,
    constraint repository_totals_pkey primary key (repository)
) with (fillfactor = 50);
comment on table repository_totals is 'What each repository holds. No row: nothing.';
comment on column repository_totals.repository is 'OCI name.';
comment on column repository_totals.packages is 'Manifests accepted.';
comment on column repository_totals.blobs is 'Distinct blobs linked.';
comment on column repository_totals.blobs_bytes is 'Bytes of those blobs, each counted once.';
