-- views.keys.list
select key, kind, public, node, added_at_ms, retired_at_ms, position
from keys
order by position
