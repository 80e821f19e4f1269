-- log.documents.get_many
select blake3, media_type, bytes
from log.documents
where blake3 = any ($1)
