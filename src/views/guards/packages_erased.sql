-- views.guards.packages_erased
-- Guards $1 of packages $2, $3 that were erased, or one of whose documents $4, by SHA-256, was.
select u.guard as "guard!"
from unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[]) as u (guard, repository, blake3, sha256)
where exists (select from erased_packages p where p.repository = u.repository and p.manifest = u.blake3)
    or exists (select from erased_documents d where d.sha256 = u.sha256)
order by 1
