-- node.webhooks.list
select name, next, failures, last_failure from node.webhooks order by name
