-- views.tokens.apply
-- $1..$11 are rows as they are after this run, made where there are none; $12..$14 are revocations of rows that were
-- there before. Both parts see the table as it was, so a row is met by one of them only. $4 holds the scopes of all
-- rows one after the other, $5 where those of each row end.
with revoked as (
    update tokens t
    set revoked_at_ms = u.revoked_at_ms, revoked_by = u.revoked_by
    from unnest($12::text[], $13::bigint[], $14::text[]) as u (token, revoked_at_ms, revoked_by)
    where t.token = u.token and t.revoked_at_ms is null
)
insert into tokens (
    token, hash, subject, scopes, expires_at_seconds, minted_at_ms, minted_by, revoked_at_ms, revoked_by, position
)
select
    u.token, u.hash, u.subject,
    ($4::text[])[coalesce(($5::bigint[])[u.ordinal - 1], 0) + 1 : u.scopes_end],
    u.expires_at_seconds, u.minted_at_ms, u.minted_by, u.revoked_at_ms, u.revoked_by, u.position
from unnest(
    $1::text[], $2::bytea[], $3::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[],
    $10::text[], $11::bigint[]
) with ordinality as u (
    token, hash, subject, scopes_end, expires_at_seconds, minted_at_ms, minted_by, revoked_at_ms, revoked_by, position,
    ordinal
)
on conflict on constraint tokens_pkey do nothing
