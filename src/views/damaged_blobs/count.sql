-- views.damaged_blobs.count
select count(*) as "count!" from damaged_blobs
