-- log.wake.speak
select pg_notify('strongroom_log', $1)
