-- views.references.settle
-- Of the blobs $1, those that are neither referenced nor there need no row.
delete from blob_claims c
where c.blake3 = any ($1::bytea[])
    and c.packages = 0
    and not exists (select from blobs b where b.blake3 = c.blake3)
