-- log.tiles.subtree_root
select hashes from log.tiles where level = $1 and index = $2
