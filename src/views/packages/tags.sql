-- views.packages.tags
-- Tags behind ($1, $2), with $4 those of that repository, in the order of their key.
select repository, tag, manifest, set_at_ms
from tags
where (repository, tag) > ($1, $2) and ($4::text is null or repository = $4)
order by repository, tag
limit $3
