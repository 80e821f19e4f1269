-- views.keys.apply
-- $1..$7 are rows as they are after this run, made where there are none; $8 and $9 retire rows that were there before.
-- Both parts see the table as it was, so a row is met by one of them only.
with retired as (
    update keys k
    set retired_at_ms = u.retired_at_ms
    from unnest($8::text[], $9::bigint[]) as u (key, retired_at_ms)
    where k.key = u.key and k.retired_at_ms is null
)
insert into keys (key, kind, public, node, added_at_ms, retired_at_ms, position)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
on conflict on constraint keys_pkey do nothing
