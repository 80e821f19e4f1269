-- log.documents.put
-- Nobody waits for this commit: the one that names these documents comes behind it in the same write-ahead log, and is
-- waited for.
with unhurried as materialized (select set_config('synchronous_commit', 'off', true))
insert into log.documents (blake3, sha256, media_type, bytes)
select document.blake3, document.sha256, document.media_type, document.bytes
from unhurried, unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[]) as document (blake3, sha256, media_type, bytes)
on conflict on constraint documents_pkey do nothing
