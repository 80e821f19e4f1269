-- audit.rows.check_streams
select stream, version from log.streams where stream > $1 order by stream limit $2
