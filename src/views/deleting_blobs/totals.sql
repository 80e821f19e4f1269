-- views.deleting_blobs.totals
select
    (select count(*) from deleting_blobs) as "deleting!",
    (select coalesce(sum(size_bytes), 0)::bigint from deleting_blobs) as "deleting_bytes!",
    (select coalesce(sum(objects), 0)::bigint from deleted_totals) as "deleted!",
    (select coalesce(sum(bytes), 0)::bigint from deleted_totals) as "deleted_bytes!"
