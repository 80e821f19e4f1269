-- package_tiers: in which tier a package is to lie. Written by tiers/apply.sql from manifest.tiered, removed by
-- tiers/remove.sql with manifest.deleted. No row: it is hot.
create table package_tiers (
    repository   text collate "C" not null,
    manifest     bytea not null,
    tier         text collate "C" not null,
    tiered_at_ms bigint not null,
    position     bigint not null,
    constraint package_tiers_pkey primary key (repository, manifest),
    constraint package_tiers_manifest_check check (octet_length(manifest) = 32)
);
comment on table package_tiers is 'How near the bytes of packages are to be.';
comment on column package_tiers.repository is 'OCI name of the repository.';
comment on column package_tiers.manifest is 'BLAKE3 of the manifest, 32 bytes.';
comment on column package_tiers.tier is 'hot, warm or cold.';
comment on column package_tiers.tiered_at_ms is 'Since when: milliseconds since the Unix epoch, UTC.';
comment on column package_tiers.position is 'The manifest.tiered event: place in the log, 0-based.';

-- tiered_claims: blobs of packages that need not be hot. A blob that has fewer of these than packages that reference it is
-- to be hot. Written by tiers/claim.sql from what package_tiers and package_references say.
create table tiered_claims (
    blake3     bytea not null,
    repository text collate "C" not null,
    manifest   bytea not null,
    tier       text collate "C" not null,
    constraint tiered_claims_pkey primary key (blake3, repository, manifest),
    constraint tiered_claims_blake3_check check (octet_length(blake3) = 32),
    constraint tiered_claims_manifest_check check (octet_length(manifest) = 32)
);
create index tiered_claims_package_idx on tiered_claims (repository, manifest);
comment on table tiered_claims is 'Blobs of packages that are warm or cold.';
comment on column tiered_claims.blake3 is 'Primary address of the blob, 32 bytes.';
comment on column tiered_claims.repository is 'OCI name of the repository of the package.';
comment on column tiered_claims.manifest is 'BLAKE3 of the manifest of the package, 32 bytes.';
comment on column tiered_claims.tier is 'warm or cold: the tier of the package.';
