-- log.documents.get (by sha256)
select blake3, media_type, bytes from log.documents where sha256 = $1
