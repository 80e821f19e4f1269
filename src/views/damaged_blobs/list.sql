-- views.damaged_blobs.list
-- In order of address behind $1. With $2 those that are linked to that repository.
select d.blake3, d.store, d.object, d.found, d.damaged_at_ms, d.position
from damaged_blobs d
where d.blake3 > $1
    and ($2::text is null or exists (
        select from blob_repositories l where l.blake3 = d.blake3 and l.repository = $2
    ))
order by d.blake3
limit $3
