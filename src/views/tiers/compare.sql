-- views.tiers.compare
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    repository || '@blake3:' || encode(manifest, 'hex') as "key!",
    live.position is not null as "in_live!",
    log.position is not null as "in_log!",
    count(*) over () as "total!"
from view.package_tiers live
full join view_check.package_tiers log using (repository, manifest)
where live is distinct from log
order by 1
limit $1
