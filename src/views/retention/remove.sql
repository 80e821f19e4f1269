-- views.retention.remove
delete from retention r
using unnest($1::text[], $2::bytea[]) as u (repository, manifest)
where r.repository = u.repository and r.manifest = u.manifest
