-- views.erasures.document
-- One of $1 and $2 is null.
select d.position
from erased_documents d
where d.document = $1 or d.sha256 = $2
limit 1
