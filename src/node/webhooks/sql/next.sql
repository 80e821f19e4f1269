-- node.webhooks.next
-- A new one begins at the end of the log.
with begun as (
    insert into node.webhooks (name, next)
    select $1, size from log.head
    on conflict on constraint webhooks_pkey do nothing
    returning next
)
select next as "next!" from begun
union all
select next from node.webhooks where name = $1
limit 1
