-- log.documents.remove
delete from log.documents where blake3 = any ($1::bytea[])
