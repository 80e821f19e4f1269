-- views.erasures.page
-- In the order in which they were erased, behind position $1.
select d.document, d.sha256, d.position
from erased_documents d
where d.position > $1
order by d.position
limit $2
