-- views.pins.apply
-- $1..$7 are pins that are set, $8 and $9 pins that are gone; no pin is in both.
with released as (
    delete from pins p
    using unnest($8::text[], $9::text[]) as gone (repository, pin)
    where p.repository = gone.repository and p.pin = gone.pin
)
insert into pins (repository, pin, manifest, statement, set_at_ms, set_by, position)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bigint[], $6::text[], $7::bigint[])
on conflict on constraint pins_pkey do update set
    manifest = excluded.manifest,
    statement = excluded.statement,
    set_at_ms = excluded.set_at_ms,
    set_by = excluded.set_by,
    position = excluded.position
