-- views.packages.unrecorded
-- Of the packages $1, $2, those whose references are not recorded; 1-based.
select u.ordinal as "ordinal!"
from unnest($1::text[], $2::bytea[]) with ordinality as u (repository, blake3, ordinal)
where not exists (
    select from package_references p where p.repository = u.repository and p.manifest = u.blake3
)
order by u.ordinal
