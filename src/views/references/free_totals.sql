-- views.references.free_totals
-- Blobs that no package references: those that nobody touched after $1, and the others.
select
    count(*) filter (where free.touched_ms <= $1) as "blobs!",
    least(coalesce(sum(free.size_bytes) filter (where free.touched_ms <= $1), 0), 9223372036854775807)::bigint as "bytes!",
    count(*) filter (where free.touched_ms > $1) as "young_blobs!",
    least(coalesce(sum(free.size_bytes) filter (where free.touched_ms > $1), 0), 9223372036854775807)::bigint
        as "young_bytes!",
    min(free.touched_ms) filter (where free.touched_ms > $1) as oldest_ms
from (
    select b.size_bytes, c.touched_ms
    from blobs b
    join blob_claims c on c.blake3 = b.blake3
    where c.packages = 0
) free
