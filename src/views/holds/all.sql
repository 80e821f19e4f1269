-- views.holds.all
-- Those that stand, and event holds that were released: the latter move clocks.
select
    hold, kind, repository, manifest, selector, statement, placed_at_ms, placed_by, position, released_at_ms,
    released_by, release_statement, release_position
from holds
where released_at_ms is null or kind = 'event'
order by hold
