-- views.erasures.apply (documents)
insert into erased_documents (document, sha256, manifest, statement, erased_at_ms, erased_by, position)
select * from unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bigint[], $6::text[], $7::bigint[])
on conflict on constraint erased_documents_pkey do nothing
