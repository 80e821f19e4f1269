-- log.tiles.unfinished (leaves)
select leaf_hash from log.events where position >= $1 order by position limit $2
