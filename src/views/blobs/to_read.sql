-- views.blobs.to_read
-- Blobs of store $1 behind address $2 that were stored before position $3; with $4 those linked to that repository
-- before it, with $5 those stored then or later.
select
    b.blake3, b.sha256, b.size_bytes, b.store, b.object, b.stored_at_ms, b.position,
    d.found as "found?", d.position as "damaged_position?"
from blobs b
left join damaged_blobs d on d.blake3 = b.blake3
where b.blake3 > $2
    and b.store = $1
    and b.position < $3
    and ($4::text is null or exists (
        select from blob_repositories l where l.blake3 = b.blake3 and l.repository = $4 and l.position < $3
    ))
    and ($5::bigint is null or b.stored_at_ms >= $5)
order by b.blake3
limit $6
