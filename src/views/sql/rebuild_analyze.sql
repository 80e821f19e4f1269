-- views.rebuild.analyze
analyze
    repositories, repository_totals, blobs, blob_repositories, manifests, tags, tokens, keys, reads, discarded_objects
