-- views.reads.apply
insert into reads (repository, manifest, day, actor, granted_at_ms, position)
select * from unnest($1::text[], $2::bytea[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[])
on conflict on constraint reads_pkey do nothing
