-- views.tags.list
select tag, manifest, set_at_ms, set_by, position
from tags
where repository = $1 and tag > $2
order by tag
limit $3
