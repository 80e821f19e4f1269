-- log.tiles.unfinished (roots of the level below)
select root from log.tiles where level = $1 and index >= $2 order by index limit $3
