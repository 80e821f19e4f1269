-- views.deleting_blobs.of_blobs
-- Objects of the blobs $1 whose deletion was started behind position $2, in that order.
select d.store, d.object, d.blake3, d.size_bytes, d.position
from deleting_blobs d
where d.blake3 = any ($1::bytea[]) and d.position > $2
order by d.position
limit $3
