-- views.erasures.needed
-- By what the document of BLAKE3 $1 is needed: a hold that stands or starts the clock of what it covered, a policy, or as the
-- ground of an erasure. Null: by none of these.
select case
    when exists (
        select from holds h where h.selector = $1 and (h.release_position is null or h.kind = 'event')
    ) then 'hold'
    when exists (select from policies p where p.document = $1) then 'policy'
    when exists (select from plans p where p.plan = $1) then 'plan'
    when exists (select from erased_packages e where e.statement = $1)
        or exists (select from erased_documents e where e.statement = $1) then 'erasure'
end as needed_by
