-- views.blobs.get
-- One of $1 and $2 is null. Equal content has equal digests; the order only makes damage deterministic.
select blake3, sha256, size_bytes, store, object, stored_at_ms, position
from blobs
where blake3 = $1 or sha256 = $2
order by blake3
limit 1
