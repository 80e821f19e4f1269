-- views.guards.blobs_claimed
-- Of the blobs $1, those that do not have the object of $2, are referenced, or were touched after $3. 1-based in $1.
select u.ordinal as "ordinal!"
from unnest($1::bytea[], $2::text[]) with ordinality as u (blake3, object, ordinal)
where not exists (
    select
    from blobs b
    join blob_claims c on c.blake3 = b.blake3
    where b.blake3 = u.blake3 and b.object = u.object and c.packages = 0 and c.touched_ms <= $3
)
order by u.ordinal
