-- package_references: what each package holds on to. Written by references/apply.sql from manifest.references, removed by
-- references/remove.sql with manifest.deleted. No row: a package that was accepted before such events were recorded.
create table package_references (
    repository text collate "C" not null,
    manifest   bytea not null,
    blobs      bytea[] not null,
    constraint package_references_pkey primary key (repository, manifest),
    constraint package_references_manifest_check check (octet_length(manifest) = 32)
);
comment on table package_references is 'Blobs that each package names itself.';
comment on column package_references.repository is 'OCI name of the repository.';
comment on column package_references.manifest is 'BLAKE3 of the manifest, 32 bytes.';
comment on column package_references.blobs is 'BLAKE3 of each blob, as the events name them.';

-- index_parts: which index lists which manifest. Written and removed as package_references.
create table index_parts (
    repository text collate "C" not null,
    part       bytea not null,
    listed_by  bytea not null,
    constraint index_parts_pkey primary key (repository, part, listed_by),
    constraint index_parts_part_check check (octet_length(part) = 32),
    constraint index_parts_listed_by_check check (octet_length(listed_by) = 32)
);
create index index_parts_listed_by_idx on index_parts (repository, listed_by);
comment on table index_parts is 'Manifests that an index lists: none of them goes before it.';
comment on column index_parts.repository is 'OCI name of the repository.';
comment on column index_parts.part is 'BLAKE3 of the manifest that is listed, 32 bytes.';
comment on column index_parts.listed_by is 'BLAKE3 of the index, 32 bytes.';

-- blob_claims: how many packages reference each blob, in all repositories. Apart from the blobs, because deposits change it;
-- written by references/apply.sql, release.sql and settle.sql. A blob that is neither there nor referenced has no row.
create table blob_claims (
    blake3     bytea not null,
    packages   bigint not null,
    touched_ms bigint not null,
    stored     boolean not null,
    constraint blob_claims_pkey primary key (blake3),
    constraint blob_claims_blake3_check check (octet_length(blake3) = 32)
) with (fillfactor = 80);
comment on table blob_claims is 'References to blobs, counted.';
comment on column blob_claims.blake3 is 'Primary address of the blob, 32 bytes.';
comment on column blob_claims.packages is 'Packages that reference it.';
comment on column blob_claims.touched_ms is 'When it was last stored, linked, referenced or given up by a package: milliseconds since the Unix epoch, UTC.';
comment on column blob_claims.stored is 'Whether it is there: from blob.stored on, until blob.deletion-started.';
