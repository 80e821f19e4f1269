-- log.read.last_of_stream_by
select position, record from log.events
where stream = $1 and position <= $2 and recorded_at <= $3
order by seq desc limit 1
