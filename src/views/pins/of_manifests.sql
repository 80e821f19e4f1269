-- views.pins.of_manifests
select manifest, pin
from pins
where repository = $1 and manifest = any ($2::bytea[])
order by manifest, pin
