-- views.erasures.packages_with
-- Packages that have a document of the SHA-256s $1 as their manifest or their rendering, a repository at a time: its indexes
-- begin with its name.
select found.repository as "repository!", found.blake3 as "blake3!"
from repositories r
cross join lateral (
    select m.repository, m.blake3 from manifests m where m.repository = r.name and m.sha256 = any ($1::bytea[])
    union
    select m.repository, m.blake3 from manifests m where m.repository = r.name and m.oci_sha256 = any ($1::bytea[])
) found
order by 1, 2
