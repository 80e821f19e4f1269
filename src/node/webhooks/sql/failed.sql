-- node.webhooks.failed
update node.webhooks set failures = failures + 1, last_failure = $2 where name = $1
