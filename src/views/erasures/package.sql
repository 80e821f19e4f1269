-- views.erasures.package
-- One of $2 and $3 is null. By SHA-256 a package is named by its manifest or by the rendering that was erased with it.
select p.manifest, p.statement, p.position
from erased_packages p
where p.repository = $1
    and (
        p.manifest = $2
        or p.sha256 = $3
        or p.manifest = (select d.manifest from erased_documents d where d.sha256 = $3 limit 1)
    )
order by p.position
limit 1
