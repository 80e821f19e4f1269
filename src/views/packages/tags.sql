-- views.packages.tags
-- Tags behind ($1, $2), in the order of their key.
select repository, tag, manifest, set_at_ms
from tags
where (repository, tag) > ($1, $2)
order by repository, tag
limit $3
