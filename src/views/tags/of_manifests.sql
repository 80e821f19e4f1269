-- views.tags.of_manifests
select manifest, tag
from tags
where repository = $1 and manifest = any ($2::bytea[])
order by manifest, tag
