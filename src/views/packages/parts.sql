-- views.packages.parts
-- What indexes list, behind ($1, $2, $3), with $5 in that repository, in the order of their key.
select repository, part, listed_by
from index_parts
where (repository, part, listed_by) > ($1, $2::bytea, $3::bytea) and ($5::text is null or repository = $5)
order by repository, part, listed_by
limit $4
