-- views.discarded_objects.get
select reason, discarded_at_ms, position
from discarded_objects
where store = $1 and object = $2
