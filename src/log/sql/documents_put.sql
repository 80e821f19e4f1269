-- log.documents.put
insert into log.documents (blake3, sha256, media_type, bytes) values ($1, $2, $3, $4)
on conflict on constraint documents_pkey do nothing
