-- views.references.free
-- Blobs behind address $1 that no package references, and that nobody touched after $2.
select b.blake3, b.sha256, b.size_bytes, b.store, b.object
from blobs b
join blob_claims c on c.blake3 = b.blake3
where b.blake3 > $1
    and c.packages = 0
    and c.touched_ms <= $2
order by b.blake3
limit $3
