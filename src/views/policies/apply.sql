-- views.policies.apply
-- $1..$7 are policies that are set (and perhaps removed again), $8..$11 policies from before that are removed; none is in both.
with removed as (
    update policies p
    set standing = false, changed_at_ms = gone.changed_at_ms, changed_by = gone.changed_by, position = gone.position
    from unnest($8::text[], $9::bigint[], $10::text[], $11::bigint[])
        as gone (policy, changed_at_ms, changed_by, position)
    where p.policy = gone.policy
)
insert into policies (policy, version, document, standing, changed_at_ms, changed_by, position)
select * from unnest($1::text[], $2::bigint[], $3::bytea[], $4::boolean[], $5::bigint[], $6::text[], $7::bigint[])
on conflict on constraint policies_pkey do update set
    version = excluded.version,
    document = excluded.document,
    standing = excluded.standing,
    changed_at_ms = excluded.changed_at_ms,
    changed_by = excluded.changed_by,
    position = excluded.position
