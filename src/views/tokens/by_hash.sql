-- views.tokens.by_hash
select
    token, hash, subject, scopes, expires_at_seconds, minted_at_ms, minted_by, revoked_at_ms, revoked_by, position
from tokens
where hash = $1
order by position
limit 1
