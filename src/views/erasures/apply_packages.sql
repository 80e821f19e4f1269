-- views.erasures.apply (packages)
insert into erased_packages (repository, manifest, sha256, statement, erased_at_ms, erased_by, position)
select * from unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bigint[], $6::text[], $7::bigint[])
on conflict on constraint erased_packages_pkey do nothing
