-- audit.rows.check
select position, stream, seq, event_id, type, repository, recorded_at, record, leaf_hash
from log.events where position >= $1 order by position limit $2
