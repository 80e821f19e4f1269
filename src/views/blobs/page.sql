-- views.blobs.page
select blake3, sha256, size_bytes, store, object, stored_at_ms, position
from blobs
where blake3 > $1
order by blake3
limit $2
