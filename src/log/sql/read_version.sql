-- log.read.version
select version from log.streams where stream = $1
