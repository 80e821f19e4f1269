-- log.head.lock
select size, frontier, last_at, fold_generation from log.head for update
