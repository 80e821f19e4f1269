-- views.repositories.compare
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    name as "key!",
    live.public is not null as "in_live!",
    log.public is not null as "in_log!",
    count(*) over () as "total!"
from view.repositories live
full join view_check.repositories log using (name)
where live is distinct from log
order by 1
limit $1
