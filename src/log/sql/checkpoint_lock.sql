-- log.checkpoint.take_lock
-- The number is arbitrary, and this lock's alone. Held until the connection ends, also by a crash.
select pg_try_advisory_lock(7384661051) as "taken!"
