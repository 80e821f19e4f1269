-- views.guards.over_quota
-- $1 are the guards of the repositories of $2, which get $3 packages and $4 bytes more.
select u.guard as "guard!"
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) as u (guard, repository, packages, bytes)
join repositories r on r.name = u.repository
left join repository_totals t on t.repository = u.repository
where (r.quota_packages > 0 and u.packages > 0 and coalesce(t.packages, 0) + u.packages > r.quota_packages)
    or (r.quota_bytes > 0 and u.bytes > 0 and coalesce(t.blobs_bytes, 0) + u.bytes > r.quota_bytes)
order by u.guard
