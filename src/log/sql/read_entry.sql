-- log.read.entry
select position, record from log.events where position = $1
