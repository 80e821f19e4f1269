-- views.plans.apply
-- $1..$17 are rows as they are after this run, made where there are none; $18..$26 are changes of rows that were there before.
-- Both parts see the table as it was, so a row is met by one of them only.
with changed as (
    update plans p
    set
        approved_at_ms = coalesce(p.approved_at_ms, u.approved_at_ms),
        approved_by = coalesce(p.approved_by, u.approved_by),
        approved_position = coalesce(p.approved_position, u.approved_position),
        applied_at_ms = coalesce(p.applied_at_ms, u.applied_at_ms),
        applied_by = coalesce(p.applied_by, u.applied_by),
        applied_position = coalesce(p.applied_position, u.applied_position),
        deleted = p.deleted + u.deleted,
        deleted_bytes = p.deleted_bytes + u.deleted_bytes
    from unnest(
        $18::bytea[], $19::bigint[], $20::text[], $21::bigint[], $22::bigint[], $23::text[], $24::bigint[],
        $25::bigint[], $26::bigint[]
    ) as u (
        plan, approved_at_ms, approved_by, approved_position, applied_at_ms, applied_by, applied_position, deleted,
        deleted_bytes
    )
    where p.plan = u.plan
)
insert into plans (
    plan, at_size, deletions, bytes, locks, approve, submitted_at_ms, submitted_by, position, approved_at_ms, approved_by,
    approved_position, applied_at_ms, applied_by, applied_position, deleted, deleted_bytes
)
select * from unnest(
    $1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[], $7::bigint[], $8::text[],
    $9::bigint[], $10::bigint[], $11::text[], $12::bigint[], $13::bigint[], $14::text[], $15::bigint[], $16::bigint[],
    $17::bigint[]
)
on conflict on constraint plans_pkey do nothing
