-- audit.documents.check
select blake3, sha256, bytes from log.documents where blake3 > $1 order by blake3 limit $2
