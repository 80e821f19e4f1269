-- log.read.page (size)
select size from log.head
