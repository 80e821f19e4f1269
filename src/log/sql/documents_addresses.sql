-- log.documents.addresses
-- One of $1 and $2 is null.
select blake3, sha256, media_type
from log.documents
where blake3 = $1 or sha256 = $2
limit 1
