-- views.tiers.spread
-- Over which stores the blobs of package ($1, $2) are spread.
select b.store, count(*) as "blobs!", coalesce(sum(b.size_bytes), 0)::bigint as "bytes!"
from blobs b
where b.blake3 = any (
    (select p.blobs from package_references p where p.repository = $1 and p.manifest = $2)::bytea[]
)
group by b.store
order by b.store
