-- views.repositories.list
-- $3: all are visible. Else those that match a pattern of $4, or with $5 are public.
select
    r.name, r.public, r.provenance, r.quota_bytes, r.quota_packages, r.created_at_ms, r.updated_at_ms, r.position,
    coalesce(t.packages, 0) as "packages!",
    coalesce(t.blobs, 0) as "blobs!",
    coalesce(t.blobs_bytes, 0) as "blobs_bytes!"
from repositories r
left join repository_totals t on t.repository = r.name
where r.name > $1 and ($3::boolean or r.name like any ($4::text[]) or ($5::boolean and r.public))
order by r.name
limit $2
