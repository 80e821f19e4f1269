-- views.blobs.linked
-- $2 are wanted by their BLAKE3, $3 by their SHA-256.
select
    b.blake3, b.sha256, b.size_bytes, b.store, b.object, b.stored_at_ms, b.position,
    l.linked_at_ms, l.position as linked_position,
    d.found as "found?", d.position as "damaged_position?"
from blobs b
join blob_repositories l on l.blake3 = b.blake3 and l.repository = $1
left join damaged_blobs d on d.blake3 = b.blake3
where b.blake3 = any ($2::bytea[]) or b.sha256 = any ($3::bytea[])
