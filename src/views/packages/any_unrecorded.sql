-- views.packages.any_unrecorded
-- Whether repository $1 has a package of media type $2 whose references are not recorded.
select exists (
    select
    from manifests m
    where m.repository = $1
        and m.media_type = $2
        and not exists (
            select from package_references p where p.repository = m.repository and p.manifest = m.blake3
        )
) as "any!"
