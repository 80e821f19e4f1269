-- views.guards.retention_changed
-- Whether what may protect any package changed at size $1 of the log or behind it.
select
    exists (select from holds h where h.position >= $1)
    or exists (select from holds h where h.release_position >= $1)
    or exists (select from policies p where p.position >= $1) as "changed!"
