-- log.read.page (filtered)
select position, record from log.events
where position >= $1 and position < $2
  and (cardinality($4::text[]) = 0 or type = any($4))
  and ($5::text is null or repository = $5)
  and ($6::text is null or stream = $6)
order by position limit $3
