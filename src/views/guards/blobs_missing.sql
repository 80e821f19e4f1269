-- views.guards.blobs_missing
-- $1 are repositories by 0-based guard, $2 the guard of each digest of $3. The answer is 1-based in $3.
select u.ordinal as "ordinal!"
from unnest($2::bigint[], $3::bytea[]) with ordinality as u (guard, blake3, ordinal)
where not exists (
    select
    from blob_repositories l
    join blobs b on b.blake3 = l.blake3
    where l.blake3 = u.blake3
        and l.repository = ($1::text[])[u.guard + 1]
        and not exists (select from damaged_blobs d where d.blake3 = b.blake3)
)
order by u.ordinal
