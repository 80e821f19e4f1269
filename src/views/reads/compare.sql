-- views.reads.compare
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    concat(repository, '@blake3:', encode(manifest, 'hex'), ' ', actor, ' on day ', day) as "key!",
    live.position is not null as "in_live!",
    log.position is not null as "in_log!",
    count(*) over () as "total!"
from view.reads live
full join view_check.reads log using (repository, manifest, day, actor)
where live is distinct from log
order by 1
limit $1
