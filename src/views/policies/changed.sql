-- views.policies.changed
-- The event that last set or removed a policy. One read of the end of an index.
select max(p.position) as position from policies p
