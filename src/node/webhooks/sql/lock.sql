-- node.webhooks.take_lock
-- Session-level: it ends with the connection, however that ends.
select pg_try_advisory_lock(7384661052) as "taken!"
