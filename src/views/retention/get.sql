-- views.retention.get
select
    governance_until_ms, governance_position, compliance_until_ms, compliance_position, bypassed_until_ms,
    bypassed_position
from retention
where repository = $1 and manifest = $2
