//! What is asked of the views, on a known history.

use strongroom::kernel::digest::Digest;
use strongroom::kernel::event::Provenance;
use strongroom::kernel::event::{DiscardReason, KeyKind};
use strongroom::kernel::id::{Reference, StreamName};
use strongroom::views::{
    Error, NamePattern, Visible, blobs, discarded_objects, keys, manifests, reads, repositories, tags, tokens,
};

use crate::history::{
    accepted, digests, everything, key, linked, object, repository, store, stored, tag, tag_set, token,
};
use crate::scene::Scene;

fn some(patterns: &[&str], public: bool) -> Visible {
    Visible::Some { patterns: patterns.iter().map(|glob| NamePattern::glob(glob)).collect(), public }
}

#[tokio::test]
async fn repositories_are_listed_as_far_as_they_are_visible() {
    let scene = Scene::with(everything()).await;
    let pool = scene.pool();
    let list = async |visible: Visible, after: Option<u16>, limit| {
        let after = after.map(repository);
        let page = repositories::list(pool, &visible, after.as_ref(), limit).await.unwrap();
        page.into_iter().map(|found| found.name.to_string()).collect::<Vec<_>>()
    };
    let name = |n| repository(n).to_string();
    assert_eq!(list(Visible::All, None, 10).await, [name(0), name(1), name(2)]);
    assert_eq!(list(Visible::All, None, 2).await, [name(0), name(1)]);
    assert_eq!(list(Visible::All, Some(1), 10).await, [name(2)]);
    assert_eq!(list(some(&[], true), None, 10).await, [name(1), name(2)]);
    assert_eq!(list(some(&["acme/repository-0"], false), None, 10).await, [name(0)]);
    assert_eq!(list(some(&["acme/*"], false), None, 10).await, [name(0), name(1), name(2)]);
    assert_eq!(list(some(&["acme/repositor_-0", "%", "other/*"], false), None, 10).await, [""; 0]);

    let found = repositories::get(pool, &repository(0)).await.unwrap().unwrap();
    let last =
        everything().into_iter().rposition(|fact| fact.stream() == StreamName::repository(&repository(0)));
    assert_eq!((found.public, found.position), (false, last.unwrap() as u64));
    // Each was set by an event that did not name the other.
    assert_eq!(
        (found.quota_bytes, found.provenance, found.quota_packages),
        (1 << 40, Provenance::Enforce, 0)
    );
    assert_eq!((found.packages, found.blobs, found.blobs_bytes), (2, 3, 3_008));
    let found = repositories::get(pool, &repository(2)).await.unwrap().unwrap();
    assert_eq!((found.public, found.position, found.packages, found.blobs_bytes), (true, 3, 0, 0));
    assert!(found.updated_at_ms >= found.created_at_ms);
    assert_eq!(repositories::get(pool, &repository(9)).await.unwrap(), None);
}

#[tokio::test]
async fn blobs_are_found_where_they_are_linked_by_either_digest() {
    let scene = Scene::with(everything()).await;
    let pool = scene.pool();
    let (one, two, none) = (digests(1), digests(2), digests(99));
    for digest in [Digest::from(one.blake3), one.sha256.into()] {
        let found = blobs::locate(pool, &repository(1), &digest).await.unwrap().unwrap();
        assert_eq!((found.blob.blake3, found.blob.sha256), (one.blake3, one.sha256));
        assert_eq!((found.blob.size_bytes, found.blob.store, found.blob.object), (1_001, store(), object(1)));
        assert_eq!((found.blob.position, found.linked_position), (4, 6));
        assert_eq!(blobs::locate(pool, &repository(2), &digest).await.unwrap(), None);
        assert_eq!(blobs::get(pool, &digest).await.unwrap().unwrap().blake3, one.blake3);
    }
    assert_eq!(blobs::get(pool, &none.blake3.into()).await.unwrap(), None);

    let wanted = [one.sha256.into(), two.blake3.into(), none.blake3.into(), none.sha256.into()];
    let mut linked = blobs::linked(pool, &repository(0), &wanted).await.unwrap();
    linked.sort_by_key(|found| found.linked_position);
    assert_eq!(linked.iter().map(|found| found.blob.blake3).collect::<Vec<_>>(), [one.blake3, two.blake3]);

    let page = blobs::page(pool, None, 1).await.unwrap();
    let rest = blobs::page(pool, Some(page[0].blake3), 10).await.unwrap();
    assert!(page[0].blake3 < rest[0].blake3);
    assert_eq!((page.len(), rest.len()), (1, 2));
}

#[tokio::test]
async fn a_blob_elsewhere_is_reached_only_through_a_visible_repository() {
    let scene = Scene::with(everything()).await;
    let wanted = [Digest::from(digests(1).blake3), digests(2).sha256.into(), digests(99).blake3.into()];
    let reach = async |visible: Visible| {
        let found = blobs::linked_in_any(scene.pool(), &visible, &wanted).await.unwrap();
        let mut found: Vec<_> = found.into_iter().map(|blob| (blob.size_bytes, blob.repository)).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(reach(Visible::All).await, [(1_001, repository(0)), (1_002, repository(0))]);
    assert_eq!(reach(some(&["acme/repository-1"], false)).await, [(1_001, repository(1))]);
    // Repository 1 is public.
    assert_eq!(reach(some(&[], true)).await, [(1_001, repository(1))]);
    assert_eq!(reach(some(&["other/*"], false)).await, []);
}

#[tokio::test]
async fn a_link_made_after_the_blob_was_stored_again_leads_to_the_new_object() {
    let scene = Scene::with(vec![stored(0, 1, 1), stored(0, 1, 2), linked(1, 1, 0)]).await;
    for n in [0, 1] {
        let found =
            blobs::locate(scene.pool(), &repository(n), &digests(1).blake3.into()).await.unwrap().unwrap();
        assert_eq!((found.blob.object, found.linked_position), (object(2), [0, 2][usize::from(n)]));
    }
}

#[tokio::test]
async fn packages_are_found_by_every_name_they_have() {
    let scene = Scene::with(everything()).await;
    let (pool, of) = (scene.pool(), digests(4));
    let names = [
        Reference::Digest(of.blake3.into()),
        Reference::Digest(of.sha256.into()),
        Reference::Digest(digests(10_004).sha256.into()),
        Reference::Tag(tag(1)),
        Reference::Tag(tag(2)),
    ];
    for name in names {
        let found = manifests::resolve(pool, &repository(0), &name).await.unwrap().unwrap();
        assert_eq!((found.blake3, found.sha256, found.position), (of.blake3, of.sha256, 8), "{name}");
        assert_eq!((found.subject, found.oci_size_bytes), (Some(digests(2).blake3), Some(400)));
        assert_eq!(found.accepted_by.as_str(), "tester");
    }
    // The digest of a rendering has no BLAKE3 name, and a tag of nothing names nothing.
    for name in [Reference::Digest(digests(10_004).blake3.into()), Reference::Tag(tag(9))] {
        assert_eq!(manifests::resolve(pool, &repository(0), &name).await.unwrap(), None, "{name}");
    }
    assert_eq!(manifests::get(pool, &repository(2), &of.blake3.into()).await.unwrap(), None);
    let bare = manifests::get(pool, &repository(0), &digests(3).blake3.into()).await.unwrap().unwrap();
    assert_eq!(
        (bare.artifact_type, bare.subject, bare.oci_sha256, bare.oci_size_bytes),
        (None, None, None, None)
    );
}

#[tokio::test]
async fn packages_are_listed_in_the_order_of_their_acceptance() {
    let scene = Scene::with(everything()).await;
    scene.append(vec![accepted(0, 8)]).await;
    let pool = scene.pool();
    let positions =
        |page: Vec<manifests::Manifest>| page.iter().map(|found| found.position).collect::<Vec<_>>();
    let added = everything().len() as u64;
    assert_eq!(positions(manifests::list(pool, &repository(0), None, 10).await.unwrap()), [7, 8, added]);
    assert_eq!(positions(manifests::list(pool, &repository(0), None, 1).await.unwrap()), [7]);
    assert_eq!(positions(manifests::list(pool, &repository(0), Some(8), 10).await.unwrap()), [added]);
    let about = digests(4).blake3;
    let found = manifests::referrers(pool, &repository(0), &about, None, 10).await.unwrap();
    assert_eq!(positions(found), [added]);
    let mut all = Vec::new();
    while let [found] =
        &manifests::page(pool, all.last().map(|(at, digest)| (at, *digest)), 1).await.unwrap()[..]
    {
        all.push((found.repository.clone(), found.blake3));
    }
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted());
}

#[tokio::test]
async fn tags_are_listed_in_bytewise_order() {
    let scene = Scene::with(everything()).await;
    scene.append(vec![tag_set(0, 10, 3)]).await;
    let pool = scene.pool();
    let names = |page: Vec<tags::TagRow>| page.iter().map(|found| found.tag.to_string()).collect::<Vec<_>>();
    assert_eq!(names(tags::list(pool, &repository(0), None, 10).await.unwrap()), ["v1", "v10", "v2"]);
    assert_eq!(names(tags::list(pool, &repository(0), None, 2).await.unwrap()), ["v1", "v10"]);
    assert_eq!(names(tags::list(pool, &repository(0), Some(&tag(10)), 9).await.unwrap()), ["v2"]);
    let found = tags::get(pool, &repository(0), &tag(1)).await.unwrap().unwrap();
    assert_eq!((found.manifest, found.position, found.set_by.as_str()), (digests(4).blake3, 13, "tester"));
    assert_eq!(tags::get(pool, &repository(2), &tag(1)).await.unwrap(), None);
    let (three, four) = (digests(3).blake3, digests(4).blake3);
    let mut expected = vec![(three, tag(10)), (four, tag(1)), (four, tag(2))];
    expected.sort();
    let wanted = [three, four, digests(5).blake3];
    assert_eq!(tags::of_manifests(pool, &repository(0), &wanted).await.unwrap(), expected);
}

#[tokio::test]
async fn tokens_are_found_by_name_and_by_the_hash_of_their_secret() {
    let scene = Scene::with(everything()).await;
    let pool = scene.pool();
    let one = tokens::by_hash(pool, &digests(1).sha256).await.unwrap().unwrap();
    assert_eq!(one.token, token(1));
    assert_eq!(one.scopes, ["repository:acme/0:pull", "repository:acme/1:pull"]);
    assert_eq!(
        (one.expires_at_seconds, one.revoked_at_ms, one.revoked_by.clone()),
        (Some(2_000_000_000), None, None)
    );
    let two = tokens::get(pool, &token(2)).await.unwrap().unwrap();
    assert_eq!((two.scopes.len(), two.expires_at_seconds), (0, None));
    assert_eq!(two.revoked_by.as_ref().map(|actor| actor.as_str()), Some("tester"));
    assert!(two.revoked_at_ms.unwrap() >= two.minted_at_ms);
    assert_eq!(tokens::get(pool, &token(9)).await.unwrap(), None);
    assert_eq!(tokens::list(pool, None, 1).await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(tokens::list(pool, Some(&token(1)), 9).await.unwrap(), [two]);
}

#[tokio::test]
async fn keys_reads_and_discarded_objects_are_found() {
    let scene = Scene::with(everything()).await;
    let pool = scene.pool();
    let all = keys::list(pool).await.unwrap();
    assert_eq!(all.iter().map(|found| found.kind).collect::<Vec<_>>(), [KeyKind::Grant, KeyKind::Receipt]);
    assert_eq!(all.iter().map(|found| found.retired_at_ms.is_some()).collect::<Vec<_>>(), [true, false]);
    assert_eq!(keys::get(pool, &key(2)).await.unwrap().as_ref(), Some(&all[1]));
    assert_eq!(keys::get(pool, &key(9)).await.unwrap(), None);

    let (actor, of, package) = ("tester".parse().unwrap(), repository(0), digests(3).blake3);
    assert!(reads::exists(pool, &actor, &of, &package, 20_000).await.unwrap());
    assert!(!reads::exists(pool, &actor, &of, &package, 20_002).await.unwrap());
    assert!(!reads::exists(pool, &"other".parse().unwrap(), &of, &package, 20_000).await.unwrap());
    assert_eq!(reads::last_day(pool, &of, &package).await.unwrap(), Some(20_001));
    assert_eq!(reads::last_day(pool, &repository(1), &package).await.unwrap(), None);

    let found = discarded_objects::get(pool, &store(), &object(7)).await.unwrap().unwrap();
    assert_eq!((found.reason, found.position), (DiscardReason::Late, 22));
    assert_eq!(discarded_objects::get(pool, &store(), &object(9)).await.unwrap(), None);
}

#[tokio::test]
async fn a_row_that_no_fold_wrote_is_an_error_that_names_it() {
    let scene = Scene::with(everything()).await;
    scene.execute("update view.tags set set_by = 'NOT AN ACTOR' where tag = 'v2'").await;
    let error = tags::get(scene.pool(), &repository(0), &tag(2)).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { table: "tags", .. }));
    assert!(error.to_string().starts_with("view tags is damaged (set_by: an actor is written"), "{error}");
}

#[tokio::test]
async fn a_connection_from_before_a_rebuild_reads_what_was_rebuilt() {
    let scene = Scene::with(everything()).await;
    let mut connection = scene.database.connect().await;
    assert!(tags::get(&mut connection, &repository(0), &tag(2)).await.unwrap().is_some());
    scene.rebuild().await;
    scene.append(vec![tag_set(0, 77, 3)]).await;
    assert!(tags::get(&mut connection, &repository(0), &tag(77)).await.unwrap().is_some());
}
