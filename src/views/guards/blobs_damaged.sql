-- views.guards.blobs_damaged
-- $1 is the guard of each digest of $2. The answer is 1-based in $2.
select u.ordinal as "ordinal!"
from unnest($1::bigint[], $2::bytea[]) with ordinality as u (guard, blake3, ordinal)
where not exists (
    select
    from blobs b
    where b.blake3 = u.blake3 and not exists (select from damaged_blobs d where d.blake3 = b.blake3)
)
order by u.ordinal
