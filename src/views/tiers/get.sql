-- views.tiers.get
select tier, tiered_at_ms, position
from package_tiers
where repository = $1 and manifest = $2
