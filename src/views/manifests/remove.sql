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
)
update repository_totals t
set packages = t.packages - u.packages
from totals u
where t.repository = u.repository
