-- views.manifests.remove
-- Packages $1, $2 that are deleted, and what they added to the totals of their repositories.
with gone as (
    delete from manifests m
    using unnest($1::text[], $2::bytea[]) as u (repository, blake3)
    where m.repository = u.repository and m.blake3 = u.blake3
    returning m.repository
),
totals as (
    select repository, count(*) as packages from gone group by repository
),
emptied as (
    -- What holds nothing has no row, however its events are cut into runs.
    delete from repository_totals t
    using totals u
    where t.repository = u.repository and t.packages = u.packages and t.blobs = 0
)
update repository_totals t
set packages = t.packages - u.packages
from totals u
where t.repository = u.repository and not (t.packages = u.packages and t.blobs = 0)
