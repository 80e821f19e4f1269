-- views.repositories.compare_totals
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    repository as "key!",
    live.packages is not null as "in_live!",
    log.packages is not null as "in_log!",
    count(*) over () as "total!"
from view.repository_totals live
full join view_check.repository_totals log using (repository)
where live is distinct from log
order by 1
limit $1
