-- log.append.write
-- One statement for the whole batch: round trips, not rows, are what a small batch costs.
with appended as (
    insert into log.events (position, stream, seq, event_id, type, repository, recorded_at, record, leaf_hash)
    select position, stream, seq, event_id, type, repository, $7, record, leaf_hash
    from unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $8::bytea[], $9::bytea[])
        as row (position, stream, seq, event_id, type, repository, record, leaf_hash)
), cut as (
    insert into log.tiles (level, index, hashes, root)
    select level, index, hashes, root
    from unnest($10::smallint[], $11::bigint[], $12::bytea[], $13::bytea[]) as row (level, index, hashes, root)
)
update log.head set size = $14, frontier = $15, last_at = $7
