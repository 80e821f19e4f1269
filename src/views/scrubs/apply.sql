-- views.scrubs.apply
-- $3: the run of events begins the reading anew; otherwise it adds to what was read.
insert into scrubs (store, started_at_ms, through, blobs, size_bytes, completed_at_ms, at_ms, position)
select
    u.store,
    case when u.anew then u.started_at_ms else coalesce(o.started_at_ms, u.started_at_ms) end,
    u.through,
    least(9223372036854775807, u.blobs::numeric + case when u.anew then 0 else coalesce(o.blobs, 0) end)::bigint,
    least(9223372036854775807, u.size_bytes::numeric + case when u.anew then 0 else coalesce(o.size_bytes, 0) end)::bigint,
    coalesce(u.completed_at_ms, o.completed_at_ms),
    u.at_ms,
    u.position
from unnest(
    $1::text[], $2::bigint[], $3::boolean[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[]
) as u (store, started_at_ms, anew, through, blobs, size_bytes, completed_at_ms, at_ms, position)
left join scrubs o on o.store = u.store
on conflict on constraint scrubs_pkey do update set
    started_at_ms = excluded.started_at_ms,
    through = excluded.through,
    blobs = excluded.blobs,
    size_bytes = excluded.size_bytes,
    completed_at_ms = excluded.completed_at_ms,
    at_ms = excluded.at_ms,
    position = excluded.position
