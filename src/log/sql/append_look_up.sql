-- log.append.look_up
select event_id, position from log.events where event_id = any($1)
