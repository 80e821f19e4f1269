-- views.references.listed_by
select listed_by
from index_parts
where repository = $1 and part = $2
order by listed_by
