-- views.guards.objects_discarded
-- $1 are the guards of the objects of $2 and $3.
select u.guard as "guard!"
from unnest($1::bigint[], $2::text[], $3::text[]) as u (guard, store, object)
join discarded_objects d on d.store = u.store and d.object = u.object
order by u.guard
