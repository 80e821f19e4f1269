-- views.pins.list
select pin, manifest, statement, set_at_ms, set_by, position
from pins
where repository = $1 and pin > $2
order by pin
limit $3
