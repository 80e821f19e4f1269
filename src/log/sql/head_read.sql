-- log.head.read
select size, frontier, last_at, fold_generation from log.head
