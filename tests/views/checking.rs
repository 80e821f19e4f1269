//! What is not as the log says is found and named.

use strongroom::views::{self, replay};

use crate::history::{everything, tag_set};
use crate::scene::{Scene, TABLES};

/// Table, statement that changes a row, one that loses it, one that adds another; how the row is named, and the other.
/// In the names `1` and `4` stand for the digests of these contents.
const DAMAGES: [(&str, &str, &str, &str, &str, &str); 27] = [
    // Before the blobs, by which it finds its row.
    (
        "blob_claims",
        "update view.blob_claims set packages = 7 where blake3 = (select blake3 from view.blobs where size_bytes = 1001)",
        "delete from view.blob_claims where blake3 = (select blake3 from view.blobs where size_bytes = 1001)",
        "insert into view.blob_claims values (sha256(''), 0, 0, false)",
        "blake3:{1}",
        "blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "repositories",
        "update view.repositories set public = not public where name = 'acme/repository-2'",
        "delete from view.repositories where name = 'acme/repository-2'",
        "insert into view.repositories values ('acme/other', true, 'off', 0, 0, 0, 0, 0)",
        "acme/repository-2",
        "acme/other",
    ),
    (
        "repository_totals",
        "update view.repository_totals set blobs_bytes = blobs_bytes + 1 where repository = 'acme/repository-0'",
        "delete from view.repository_totals where repository = 'acme/repository-0'",
        "insert into view.repository_totals values ('acme/other', 0, 0, 0)",
        "acme/repository-0",
        "acme/other",
    ),
    (
        "blobs",
        "update view.blobs set object = 'ab/' || repeat('0', 32) where size_bytes = 1001",
        "delete from view.blobs where size_bytes = 1001",
        "insert into view.blobs values (repeat('a', 32)::bytea, sha256(''), 1, 'main', 'x', 0, 0)",
        "blake3:{1}",
        "blake3:6161616161616161616161616161616161616161616161616161616161616161",
    ),
    (
        "blob_repositories",
        "update view.blob_repositories set position = 0 where repository = 'acme/repository-1'",
        "delete from view.blob_repositories where repository = 'acme/repository-1'",
        "insert into view.blob_repositories values (repeat('a', 32)::bytea, 'acme/other', 1, 0, 0)",
        "acme/repository-1@blake3:{1}",
        "acme/other@blake3:6161616161616161616161616161616161616161616161616161616161616161",
    ),
    (
        "manifests",
        "update view.manifests set artifact_type = null where repository = 'acme/repository-1'",
        "delete from view.manifests where repository = 'acme/repository-1'",
        "insert into view.manifests select 'acme/other', blake3, sha256, 1, 'x', null, null, null, null, 0, 0, 0, 'x', 0
         from view.manifests where repository = 'acme/repository-1'",
        "acme/repository-1@blake3:{4}",
        "acme/other@blake3:{4}",
    ),
    (
        "pins",
        "update view.pins set statement = sha256('') where pin = 'p2'",
        "delete from view.pins where pin = 'p2'",
        "insert into view.pins values ('acme/other', 'prod', sha256(''), sha256(''), 0, 'x', 0)",
        "acme/repository-0#p2",
        "acme/other#prod",
    ),
    (
        "tags",
        "update view.tags set manifest = sha256('') where tag = 'v2'",
        "delete from view.tags where tag = 'v2'",
        "insert into view.tags values ('acme/other', 'latest', sha256(''), 0, 'x', 0)",
        "acme/repository-0:v2",
        "acme/other:latest",
    ),
    (
        "tokens",
        "update view.tokens set revoked_at_ms = null, revoked_by = null where token like '%2'",
        "delete from view.tokens where token like '%2'",
        "insert into view.tokens values ('tok_other', sha256(''), 'x', '{}', null, 0, 'x', null, null, 0)",
        "tok_00000000000000000000000000000002",
        "tok_other",
    ),
    (
        "keys",
        "update view.keys set retired_at_ms = null where kind = 'grant'",
        "delete from view.keys where kind = 'grant'",
        "insert into view.keys values ('other', 'grant', sha256(''), 'node', 0, null, 0)",
        "{key}",
        "other",
    ),
    (
        "reads",
        "update view.reads set position = 0 where day = 20001",
        "delete from view.reads where day = 20001",
        "insert into view.reads values ('acme/other', repeat('a', 32)::bytea, 1, 'x', 0, 0)",
        "acme/repository-0@blake3:{3} tester on day 20001",
        "acme/other@blake3:6161616161616161616161616161616161616161616161616161616161616161 x on day 1",
    ),
    (
        "discarded_objects",
        "update view.discarded_objects set reason = 'refused' where object like '%8'",
        "delete from view.discarded_objects where object like '%8'",
        "insert into view.discarded_objects values ('other', 'x', 'late', 0, 0)",
        "main/08/00000000000000000000000000000008",
        "other/x",
    ),
    (
        "erased_documents",
        "update view.erased_documents set erased_by = 'nobody' where manifest is null",
        "delete from view.erased_documents where manifest is null",
        "insert into view.erased_documents values (repeat('a', 32)::bytea, sha256(''), null, sha256(''), 0, 'x', 0)",
        "blake3:{6}",
        "blake3:6161616161616161616161616161616161616161616161616161616161616161",
    ),
    (
        "erased_packages",
        "update view.erased_packages set position = 0",
        "delete from view.erased_packages",
        "insert into view.erased_packages values ('acme/other', repeat('a', 32)::bytea, sha256(''), sha256(''), 0, 'x', 0)",
        "acme/repository-1@blake3:{6}",
        "acme/other@blake3:6161616161616161616161616161616161616161616161616161616161616161",
    ),
    (
        "damaged_blobs",
        "update view.damaged_blobs set found = 'missing'",
        "delete from view.damaged_blobs",
        "insert into view.damaged_blobs values (repeat('a', 32)::bytea, 'other', 'x', 'corrupt', 0, 0)",
        "blake3:{5}",
        "blake3:6161616161616161616161616161616161616161616161616161616161616161",
    ),
    (
        "scrubs",
        "update view.scrubs set blobs = blobs + 1",
        "delete from view.scrubs",
        "insert into view.scrubs values ('other', 0, null, 0, 0, null, 0, 0)",
        "main",
        "other",
    ),
    (
        "policies",
        "update view.policies set standing = not standing where policy = 'policy-2'",
        "delete from view.policies where policy = 'policy-2'",
        "insert into view.policies values ('other', 1, sha256(''), true, 0, 'x', 0)",
        "policy-2",
        "other",
    ),
    (
        "package_references",
        "update view.package_references set blobs = '{}'",
        "delete from view.package_references",
        "insert into view.package_references values ('acme/other', sha256(''), '{}')",
        "acme/repository-0@blake3:{4}",
        "acme/other@blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "index_parts",
        "delete from view.index_parts",
        "delete from view.index_parts",
        "insert into view.index_parts values ('acme/other', sha256(''), sha256(''))",
        "acme/repository-0@blake3:{2} in blake3:{4}",
        "acme/other@blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
         in blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "deleting_blobs",
        "update view.deleting_blobs set size_bytes = 7 where not moved",
        "delete from view.deleting_blobs where not moved",
        "insert into view.deleting_blobs values ('other', 'x', sha256(''), 0, 0, 0, true)",
        "main/0a/0000000000000000000000000000000a",
        "other/x",
    ),
    (
        "deleted_totals",
        "update view.deleted_totals set bytes = 7",
        "delete from view.deleted_totals",
        "insert into view.deleted_totals values ('other', 0, 0)",
        "main",
        "other",
    ),
    (
        "holds",
        "update view.holds set released_at_ms = 7 where hold = 'case-0'",
        "delete from view.holds where hold = 'case-0'",
        "insert into view.holds values ('other', 'event', 'a', null, null, sha256(''), 0, 'x', 0, null, null, null, null)",
        "case-0",
        "other",
    ),
    (
        "retention",
        "update view.retention set governance_until_ms = 7",
        "delete from view.retention",
        "insert into view.retention values ('acme/other', sha256(''), null, null, null, null, null, null, 0)",
        "acme/repository-0@blake3:{4}",
        "acme/other@blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "plans",
        "update view.plans set deleted = 7",
        "delete from view.plans",
        "insert into view.plans values (sha256(''), 0, 0, 0, 0, false, 0, 'x', 0, null, null, null, null, null, null, 0, 0)",
        "blake3:{1}",
        "blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "package_tiers",
        "update view.package_tiers set tier = 'hot' where tier = 'cold'",
        "delete from view.package_tiers where tier = 'cold'",
        "insert into view.package_tiers values ('acme/other', sha256(''), 'cold', 0, 0)",
        "acme/repository-0@blake3:{4}",
        "acme/other@blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "tiered_claims",
        "update view.tiered_claims set tier = 'warm'",
        "delete from view.tiered_claims",
        "insert into view.tiered_claims values (sha256(''), 'acme/other', sha256(''), 'cold')",
        "blake3:{4} of acme/repository-0@blake3:{4}",
        "blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 of \
         acme/other@blake3:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "retrievals",
        "update view.retrievals set days = 8 where until_ms is not null",
        "delete from view.retrievals where until_ms is not null",
        "insert into view.retrievals values ('00000000-0000-0000-0000-0000000000ff', 'acme/other', sha256(''), 0, 0, 0, 0, \
         'x', 0, null, null, null, null, null)",
        "00000000-0000-0000-0000-000000000001",
        "00000000-0000-0000-0000-0000000000ff",
    ),
];

/// A name as in [`DAMAGES`], with digests in it.
fn named(name: &str) -> String {
    let hex = |content| crate::history::digests(content).blake3.hex();
    let name =
        name.replace("{1}", &hex(1)).replace("{3}", &hex(3)).replace("{4}", &hex(4)).replace("{2}", &hex(2));
    let name = name.replace("{5}", &hex(5)).replace("{6}", &hex(6));
    name.replace("{key}", crate::history::key(1).as_str())
}

#[tokio::test]
async fn every_changed_lost_and_added_row_of_every_table_is_named() {
    let scene = Scene::with(everything()).await;
    let mut damaged: Vec<&str> = DAMAGES.iter().map(|damage| damage.0).collect();
    damaged.sort_unstable();
    assert_eq!(damaged, TABLES);
    let kinds = ["changed", "missing", "extra"];
    for kind in kinds {
        let mut expected = Vec::new();
        for (table, change, lose, add, row, other) in DAMAGES {
            let (damage, row) = match kind {
                "changed" => (change, row),
                "missing" => (lose, row),
                _ => (add, other),
            };
            scene.execute(damage).await;
            // A row that is all key cannot be changed, only be lost.
            let kind = if table == "index_parts" && kind == "changed" { "missing" } else { kind };
            expected.push(format!("{table}: {} ({kind})", named(row)));
        }
        expected.sort_unstable();
        assert_eq!(scene.check().await, expected);
        scene.rebuild().await;
    }
    assert_eq!(scene.check().await, [""; 0]);
}

#[tokio::test]
async fn the_first_rows_that_differ_are_named_and_all_are_counted() {
    let scene = Scene::with((0..25).map(|n| tag_set(0, n, 1)).collect()).await;
    scene.execute("delete from view.tags").await;
    let report = views::check(scene.pool(), |_| {}).await.unwrap();
    assert_eq!(report.events, 25);
    let tags = report.tables.iter().find(|table| table.table == "tags").unwrap();
    assert_eq!((tags.differences, tags.first.len()), (25, 10));
    assert_eq!(tags.first[0].key, "acme/repository-0:v0");
}

#[tokio::test]
async fn a_table_that_is_not_as_this_program_makes_it_is_named() {
    let cases = [
        ("drop table view.reads", "reads: column actor (missing)"),
        ("create table view.other (x text)", "other: column x (extra)"),
        ("alter table view.tags add column note text", "tags: column note (extra)"),
        ("alter table view.tags alter column set_by drop not null", "tags: column set_by (changed)"),
        (
            "alter table view.tags drop constraint tags_manifest_check",
            "tags: constraint tags_manifest_check (missing)",
        ),
        ("drop index view.blobs_sha256_idx", "blobs: index blobs_sha256_idx (missing)"),
    ];
    let scene = Scene::with(everything()).await;
    for (damage, expected) in cases {
        scene.execute(damage).await;
        assert_eq!(scene.check().await.first().map(String::as_str), Some(expected), "{damage}");
        scene.rebuild().await;
        assert_eq!(scene.check().await, [""; 0], "{damage}");
    }
}

#[tokio::test]
async fn a_check_leaves_nothing_behind_and_changes_nothing() {
    let scene = Scene::with(everything()).await;
    scene.execute("delete from view.tags").await;
    let live = scene.rows().await;
    assert!(!scene.check().await.is_empty());
    assert_eq!(scene.rows().await, live);
    assert_eq!(scene.schemas().await, ["view"]);
}

#[tokio::test]
async fn views_of_other_folds_are_not_compared_with() {
    let scene = Scene::with(everything()).await;
    scene.execute("update log.head set fold_generation = 99").await;
    let error = views::check(scene.pool(), |_| {}).await.unwrap_err();
    assert!(matches!(error, replay::Error::OtherFolds { live: 99, ours: views::GENERATION }), "{error}");
    assert!(!error.is_damage());
    scene.execute("update log.head set fold_generation = 1; drop schema view cascade").await;
    let error = views::check(scene.pool(), |_| {}).await.unwrap_err();
    assert!(matches!(error, replay::Error::OtherFolds { live: 0, .. }), "{error}");
}
