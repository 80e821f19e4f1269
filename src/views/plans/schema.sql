-- plans: those that were submitted, and what became of them. Written by plans/apply.sql from plan.submitted, plan.approved,
-- plan.applied and manifest.deleted. What a plan says is documents of the log.
create table plans (
    plan              bytea not null,
    at_size           bigint not null,
    deletions         bigint not null,
    bytes             bigint not null,
    locks             bigint not null,
    approve           boolean not null,
    submitted_at_ms   bigint not null,
    submitted_by      text collate "C" not null,
    position          bigint not null,
    approved_at_ms    bigint,
    approved_by       text collate "C",
    approved_position bigint,
    applied_at_ms     bigint,
    applied_by        text collate "C",
    applied_position  bigint,
    deleted           bigint not null,
    deleted_bytes     bigint not null,
    constraint plans_pkey primary key (plan),
    constraint plans_plan_check check (octet_length(plan) = 32)
);
create index plans_position_idx on plans (position);
comment on table plans is 'Plans that were submitted.';
comment on column plans.plan is 'BLAKE3 of its header, 32 bytes.';
comment on column plans.at_size is 'Size of the log that it was made from.';
comment on column plans.deletions is 'Packages that it deletes.';
comment on column plans.bytes is 'Bytes of those.';
comment on column plans.locks is 'Locks that it records.';
comment on column plans.approve is 'Whether somebody else than who submitted it has to approve it.';
comment on column plans.submitted_at_ms is 'When: milliseconds since the Unix epoch, UTC.';
comment on column plans.submitted_by is 'The actor that submitted it.';
comment on column plans.position is 'The plan.submitted event: place in the log, 0-based.';
comment on column plans.approved_at_ms is 'When: milliseconds since the Unix epoch, UTC. Null: it was not.';
comment on column plans.approved_by is 'The actor that approved it.';
comment on column plans.approved_position is 'The plan.approved event: place in the log, 0-based.';
comment on column plans.applied_at_ms is 'When all of it had been gone through: milliseconds since the Unix epoch, UTC.';
comment on column plans.applied_by is 'The actor that did.';
comment on column plans.applied_position is 'The plan.applied event: place in the log, 0-based.';
comment on column plans.deleted is 'Packages that were deleted by it.';
comment on column plans.deleted_bytes is 'Bytes of their blobs together.';
