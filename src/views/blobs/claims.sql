-- views.blobs.claims
-- Of the objects $2 of store $1, those that a blob has.
select b.object
from unnest($2::text[]) as u (object)
join blobs b on b.object = u.object and b.store = $1
