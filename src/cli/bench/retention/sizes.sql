-- cli.bench.retention.sizes
-- What is there, and how large it lies on the disk, with all indexes.
select
    (select count(*) from blobs) as "blobs!",
    (select size from log.head) as "events!",
    (select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
        from pg_class c where c.relnamespace = 'log'::regnamespace and c.relkind = 'r') as "log_bytes!",
    (select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
        from pg_class c where c.relnamespace = 'view'::regnamespace and c.relkind = 'r') as "view_bytes!"
