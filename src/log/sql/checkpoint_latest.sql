-- log.checkpoint.latest
select note from log.checkpoints order by size desc limit 1
