-- views.blobs.linked_in_any
-- $1 are wanted by their BLAKE3, $2 by their SHA-256; one repository for each. $3: all repositories are visible. Else
-- those that match a pattern of $4, or with $5 are public. What is damaged is nowhere.
select b.blake3, b.sha256, b.size_bytes, found.repository
from blobs b
cross join lateral (
    select l.repository
    from blob_repositories l
    where l.blake3 = b.blake3
        and (
            $3::boolean
            or l.repository like any ($4::text[])
            or ($5::boolean and exists (select from repositories r where r.name = l.repository and r.public))
        )
    order by l.repository
    limit 1
) found
where (b.blake3 = any ($1::bytea[]) or b.sha256 = any ($2::bytea[]))
    and not exists (select from damaged_blobs d where d.blake3 = b.blake3)
