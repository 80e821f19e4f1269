-- log.checkpoint.insert
insert into log.checkpoints (size, root, note) values ($1, $2, $3) on conflict on constraint checkpoints_pkey do nothing
