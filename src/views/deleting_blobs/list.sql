-- views.deleting_blobs.list
-- In the order in which they were started, behind position $1.
select d.store, d.object, d.blake3, d.size_bytes, d.position
from deleting_blobs d
where d.position > $1
order by d.position
limit $2
