-- log.read.version
select seq from log.events where stream = $1 order by seq desc limit 1
