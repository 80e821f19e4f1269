-- log.read.last_of_stream
select position, record from log.events where stream = $1 order by seq desc limit 1
