-- views.blobs.totals
-- As views.blobs.to_read, counted.
select count(*) as "blobs!", least(coalesce(sum(b.size_bytes), 0), 9223372036854775807)::bigint as "size_bytes!"
from blobs b
where b.blake3 > $2
    and b.store = $1
    and b.position < $3
    and ($4::text is null or exists (
        select from blob_repositories l where l.blake3 = b.blake3 and l.repository = $4 and l.position < $3
    ))
    and ($5::bigint is null or b.stored_at_ms >= $5)
