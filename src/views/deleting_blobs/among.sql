-- views.deleting_blobs.among
-- Of the objects $2 of store $1, those whose deletion was started.
select d.object, d.position, case when d.moved then d.started_at_ms end as moved_at_ms
from unnest($2::text[]) as u (object)
join deleting_blobs d on d.store = $1 and d.object = u.object
