-- views.retrievals.compare
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    retrieval::text as "key!",
    live.position is not null as "in_live!",
    log.position is not null as "in_log!",
    count(*) over () as "total!"
from view.retrievals live
full join view_check.retrievals log using (retrieval)
where live is distinct from log
order by 1
limit $1
