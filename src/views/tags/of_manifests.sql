-- views.tags.of_manifests
-- The key's range of the repository is read: an index by manifest would make every move of a tag dearer.
select manifest, tag
from tags
where repository = $1 and manifest = any ($2::bytea[])
order by manifest, tag
