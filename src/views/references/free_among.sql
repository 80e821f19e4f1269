-- views.references.free_among
-- Of the blobs $1, those that are there and that no package references.
select b.blake3, b.sha256, b.size_bytes, b.store, b.object
from unnest($1::bytea[]) as u (blake3)
join blobs b on b.blake3 = u.blake3
join blob_claims c on c.blake3 = b.blake3
where c.packages = 0
order by b.blake3
limit $2
