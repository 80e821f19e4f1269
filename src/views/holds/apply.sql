-- views.holds.apply
-- $1..$13 are rows as they are after this run, made where there are none; $14..$18 release rows that were there before.
-- Both parts see the table as it was, so a row is met by one of them only.
with released as (
    update holds h
    set
        released_at_ms = u.released_at_ms,
        released_by = u.released_by,
        release_statement = u.release_statement,
        release_position = u.release_position
    from unnest($14::text[], $15::bigint[], $16::text[], $17::bytea[], $18::bigint[])
        as u (hold, released_at_ms, released_by, release_statement, release_position)
    where h.hold = u.hold and h.released_at_ms is null
)
insert into holds (
    hold, kind, repository, manifest, selector, statement, placed_at_ms, placed_by, position, released_at_ms,
    released_by, release_statement, release_position
)
select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bigint[], $8::text[], $9::bigint[],
    $10::bigint[], $11::text[], $12::bytea[], $13::bigint[]
)
on conflict on constraint holds_pkey do nothing
