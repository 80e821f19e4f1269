-- views.check.structure
-- Every part of every table, as text without the name of its schema: what is on one side only, or differs.
with parts as (
    select n.nspname as schema, c.relname as "table", 'column ' || a.attname as part,
        concat_ws(
            ' ', row_number() over (partition by c.oid order by a.attnum), format_type(a.atttypid, a.atttypmod), nullif(a.attcollation, 0)::regcollation::text,
            case when a.attnotnull then 'not null' end
        ) as definition
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'v', 'm', 'f')
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname in ('view', 'view_check')
    union all
    select n.nspname, c.relname, 'constraint ' || k.conname, pg_get_constraintdef(k.oid)
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid
    join pg_constraint k on k.conrelid = c.oid and k.contype <> 'n'
    where n.nspname in ('view', 'view_check')
    union all
    select schemaname, tablename, 'index ' || indexname, replace(indexdef, ' ' || schemaname || '.', ' ')
    from pg_indexes
    where schemaname in ('view', 'view_check')
)
select
    coalesce(live."table", log."table") as "table!",
    coalesce(live.part, log.part) as "part!",
    live.part is not null as "in_live!",
    log.part is not null as "in_log!"
from (select * from parts where schema = 'view') live
full join (select * from parts where schema = 'view_check') log using ("table", part)
where live.definition is distinct from log.definition
order by 1, 2
