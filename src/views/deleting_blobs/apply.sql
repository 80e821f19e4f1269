-- views.deleting_blobs.apply
-- Rows $1, $2 from before this run go, of which those with $3 are freed by it; $4..$6 was freed of what this run began itself.
with removed as (
    delete from deleting_blobs d
    using unnest($1::text[], $2::text[], $3::boolean[]) as u (store, object, freed)
    where d.store = u.store and d.object = u.object
    returning d.store, d.size_bytes, u.freed
),
freed as (
    select store, count(*) as objects, sum(size_bytes) as bytes from removed where freed group by store
    union all
    select * from unnest($4::text[], $5::bigint[], $6::bigint[])
)
insert into deleted_totals as t (store, objects, bytes)
select store, sum(objects)::bigint, sum(bytes)::bigint from freed group by store
on conflict on constraint deleted_totals_pkey do update set
    objects = t.objects + excluded.objects,
    bytes = t.bytes + excluded.bytes
