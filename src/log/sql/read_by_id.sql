-- log.read.by_id
select position, record from log.events where event_id = $1
