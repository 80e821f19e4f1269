-- log.read.page (everything)
select position, record from log.events where position >= $1 and position < $2 order by position limit $3
