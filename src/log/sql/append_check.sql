-- log.append.versions_and_ids
-- Rows without a record are versions of the named streams, rows with one are events that the log has already.
select named.ordinal as "ordinal!", latest.seq as "value!", null::bytea as "record"
from unnest($1::text[]) with ordinality as named (stream, ordinal)
cross join lateral (
    select seq from log.events as event where event.stream = named.stream order by seq desc limit 1
) as latest
union all
select asked.ordinal, event.position, event.record
from unnest($2::uuid[]) with ordinality as asked (event_id, ordinal)
join log.events as event on event.event_id = asked.event_id
