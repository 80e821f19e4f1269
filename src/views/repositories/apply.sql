-- views.repositories.apply
-- $1..$5 are rows as they are after this run, made where there are none; $6..$9 are settings for rows that were
-- there before. Both parts see the table as it was, so a row is met by one of them only.
with updated as (
    update repositories r
    set public = u.public, updated_at_ms = u.updated_at_ms, position = u.position
    from unnest($6::text[], $7::boolean[], $8::bigint[], $9::bigint[]) as u (name, public, updated_at_ms, position)
    where r.name = u.name
)
insert into repositories (name, public, created_at_ms, updated_at_ms, position)
select * from unnest($1::text[], $2::boolean[], $3::bigint[], $4::bigint[], $5::bigint[])
on conflict on constraint repositories_pkey do nothing
