-- views.tags.remove
-- Tags that name packages $1, $2, which are deleted.
delete from tags t
using unnest($1::text[], $2::bytea[]) as u (repository, manifest)
where t.repository = u.repository and t.manifest = u.manifest
