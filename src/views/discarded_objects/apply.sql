-- views.discarded_objects.apply
insert into discarded_objects (store, object, reason, discarded_at_ms, position)
select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
on conflict on constraint discarded_objects_pkey do nothing
