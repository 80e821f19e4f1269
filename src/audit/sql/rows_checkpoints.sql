-- audit.rows.expect_checkpoints
select size, root, note from log.checkpoints order by size
