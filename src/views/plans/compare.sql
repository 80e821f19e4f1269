-- views.plans.compare
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    'blake3:' || encode(plan, 'hex') as "key!",
    live.position is not null as "in_live!",
    log.position is not null as "in_log!",
    count(*) over () as "total!"
from view.plans live
full join view_check.plans log using (plan)
where live is distinct from log
order by 1
limit $1
