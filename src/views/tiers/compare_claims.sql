-- views.tiers.compare_claims
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    concat('blake3:', encode(blake3, 'hex'), ' of ', repository, '@blake3:', encode(manifest, 'hex')) as "key!",
    live.tier is not null as "in_live!",
    log.tier is not null as "in_log!",
    count(*) over () as "total!"
from view.tiered_claims live
full join view_check.tiered_claims log using (blake3, repository, manifest)
where live is distinct from log
order by 1
limit $1
