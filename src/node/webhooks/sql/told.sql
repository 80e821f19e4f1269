-- node.webhooks.told
update node.webhooks set next = $2, failures = 0, last_failure = null where name = $1
