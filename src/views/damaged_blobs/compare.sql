-- views.damaged_blobs.compare
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    'blake3:' || encode(blake3, 'hex') as "key!",
    live.position is not null as "in_live!",
    log.position is not null as "in_log!",
    count(*) over () as "total!"
from view.damaged_blobs live
full join view_check.damaged_blobs log using (blake3)
where live is distinct from log
order by 1
limit $1
