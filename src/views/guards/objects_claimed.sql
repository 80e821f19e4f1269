-- views.guards.objects_claimed
-- $1 are the guards of the objects of $2 and $3.
select u.guard as "guard!"
from unnest($1::bigint[], $2::text[], $3::text[]) as u (guard, store, object)
join blobs b on b.object = u.object and b.store = u.store
order by u.guard
