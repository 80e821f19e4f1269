-- views.check.unlogged
-- Nobody needs these tables after a crash, so they need no write-ahead log.
do $$
declare
    found record;
begin
    for found in select tablename from pg_tables where schemaname = 'view_check' loop
        execute format('alter table view_check.%I set unlogged', found.tablename);
    end loop;
end
$$
