-- views.references.compare_claims
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    'blake3:' || encode(blake3, 'hex') as "key!",
    live.packages is not null as "in_live!",
    log.packages is not null as "in_log!",
    count(*) over () as "total!"
from view.blob_claims live
full join view_check.blob_claims log using (blake3)
where live is distinct from log
order by 1
limit $1
