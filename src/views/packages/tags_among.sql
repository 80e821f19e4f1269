-- views.packages.tags_among
-- Tags that name the packages $2 of repository $1.
select repository, tag, manifest, set_at_ms
from tags
where repository = $1 and manifest = any ($2::bytea[])
order by repository, tag
