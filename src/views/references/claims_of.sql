-- views.references.claims_of
-- Of the blobs $1, those that are there and that no package references, and when each was last touched.
select c.blake3, c.touched_ms
from unnest($1::bytea[]) as u (blake3)
join blob_claims c on c.blake3 = u.blake3
where c.packages = 0 and c.stored
