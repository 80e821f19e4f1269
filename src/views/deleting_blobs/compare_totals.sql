-- views.deleting_blobs.compare_totals
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    store as "key!",
    live.objects is not null as "in_live!",
    log.objects is not null as "in_log!",
    count(*) over () as "total!"
from view.deleted_totals live
full join view_check.deleted_totals log using (store)
where live is distinct from log
order by 1
limit $1
