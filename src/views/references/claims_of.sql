-- views.references.claims_of
-- Of the blobs $1, those that no package references, and when each was last touched.
select b.blake3, c.touched_ms
from unnest($1::bytea[]) as u (blake3)
join blobs b on b.blake3 = u.blake3
join blob_claims c on c.blake3 = b.blake3
where c.packages = 0
