-- views.guards.blobs_elsewhere
-- Of the blobs $1, those that do not have object $3 of store $2, or are damaged. 1-based in $1.
select u.ordinal as "ordinal!"
from unnest($1::bytea[], $2::text[], $3::text[]) with ordinality as u (blake3, store, object, ordinal)
where not exists (
    select
    from blobs b
    where b.blake3 = u.blake3
        and b.store = u.store
        and b.object = u.object
        and not exists (select from damaged_blobs d where d.blake3 = b.blake3)
)
order by u.ordinal
