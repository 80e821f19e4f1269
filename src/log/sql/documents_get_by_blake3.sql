-- log.documents.get (by blake3)
select blake3, media_type, bytes from log.documents where blake3 = $1
