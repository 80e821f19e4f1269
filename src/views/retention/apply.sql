-- views.retention.apply
-- Each end moves only later; the event that moved it there first is named.
insert into retention as r (
    repository, manifest, governance_until_ms, governance_position, compliance_until_ms, compliance_position,
    bypassed_until_ms, bypassed_position, position
)
select * from unnest(
    $1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::bigint[]
)
on conflict on constraint retention_pkey do update set
    governance_until_ms = greatest(r.governance_until_ms, excluded.governance_until_ms),
    governance_position = case
        when excluded.governance_until_ms > coalesce(r.governance_until_ms, -1) then excluded.governance_position
        else r.governance_position
    end,
    compliance_until_ms = greatest(r.compliance_until_ms, excluded.compliance_until_ms),
    compliance_position = case
        when excluded.compliance_until_ms > coalesce(r.compliance_until_ms, -1) then excluded.compliance_position
        else r.compliance_position
    end,
    bypassed_until_ms = greatest(r.bypassed_until_ms, excluded.bypassed_until_ms),
    bypassed_position = case
        when excluded.bypassed_until_ms > coalesce(r.bypassed_until_ms, -1) then excluded.bypassed_position
        else r.bypassed_position
    end,
    position = greatest(r.position, excluded.position)
