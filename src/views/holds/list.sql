-- views.holds.list
-- By name behind $1.
select
    hold, kind, repository, manifest, selector, statement, placed_at_ms, placed_by, position, released_at_ms,
    released_by, release_statement, release_position
from holds
where hold > $1
order by hold
limit $2
