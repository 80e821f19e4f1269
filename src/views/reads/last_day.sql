-- views.reads.last_day
select max(day) from reads where repository = $1 and manifest = $2
