-- views.tiers.lying
-- Blobs of package ($1, $2) that lie in one of the stores $3, behind address $4.
select b.blake3, b.sha256, b.size_bytes, b.store, b.object
from blobs b
where b.blake3 > $4
    and b.store = any ($3::text[])
    and b.blake3 = any (
        (select p.blobs from package_references p where p.repository = $1 and p.manifest = $2)::bytea[]
    )
order by b.blake3
limit $5
