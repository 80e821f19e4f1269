-- views.references.compare_parts
-- Rows that are not the same in the live table and in what the log says; all are counted, the first $1 named.
select
    concat(repository, '@blake3:', encode(part, 'hex'), ' in blake3:', encode(listed_by, 'hex')) as "key!",
    live is not null as "in_live!",
    log is not null as "in_log!",
    count(*) over () as "total!"
from view.index_parts live
full join view_check.index_parts log using (repository, part, listed_by)
where live is distinct from log
order by 1
limit $1
