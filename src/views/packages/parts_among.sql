-- views.packages.parts_among
-- What lists the packages $2 of repository $1.
select repository, part, listed_by
from index_parts
where repository = $1 and part = any ($2::bytea[])
order by repository, part, listed_by
