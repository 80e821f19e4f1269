-- log.read.of_stream
select position, record from log.events where stream = $1 and position > $2 order by seq limit $3
