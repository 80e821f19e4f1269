-- views.discarded_objects.among
-- Of the objects $2 of store $1, those that were discarded.
select d.object, d.position
from unnest($2::text[]) as u (object)
join discarded_objects d on d.store = $1 and d.object = u.object
