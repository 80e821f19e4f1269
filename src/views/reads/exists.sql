-- views.reads.exists
select exists (
    select from reads where repository = $1 and manifest = $2 and day = $3 and actor = $4
) as "exists!"
