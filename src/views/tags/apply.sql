-- views.tags.apply
-- $1..$6 are tags that are set, $7 and $8 tags that are gone; no tag is in both.
with removed as (
    delete from tags t
    using unnest($7::text[], $8::text[]) as gone (repository, tag)
    where t.repository = gone.repository and t.tag = gone.tag
)
insert into tags (repository, tag, manifest, set_at_ms, set_by, position)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::text[], $6::bigint[])
on conflict on constraint tags_pkey do update set
    manifest = excluded.manifest,
    set_at_ms = excluded.set_at_ms,
    set_by = excluded.set_by,
    position = excluded.position
