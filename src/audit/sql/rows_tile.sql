-- audit.rows.check_tiles
select hashes, root from log.tiles where level = $1 and index = $2
