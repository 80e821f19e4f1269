-- views.blobs.page
select
    b.blake3, b.sha256, b.size_bytes, b.store, b.object, b.stored_at_ms, b.position,
    d.found as "found?", d.position as "damaged_position?"
from blobs b
left join damaged_blobs d on d.blake3 = b.blake3
where b.blake3 > $1
order by b.blake3
limit $2
