-- views.tiers.reach
-- The address of the blob that is $2 behind the first one behind $1; none if there are not so many.
select blake3
from blobs
where blake3 > $1
order by blake3
offset $2
limit 1
