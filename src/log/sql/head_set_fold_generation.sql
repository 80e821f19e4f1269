-- log.head.set_fold_generation
update log.head set fold_generation = $1
