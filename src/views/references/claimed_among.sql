-- views.references.claimed_among
-- Of the blobs $1, those that packages reference.
select c.blake3
from unnest($1::bytea[]) as u (blake3)
join blob_claims c on c.blake3 = u.blake3
where c.packages > 0
order by c.blake3
