//! Plans over real packages: what is selected, what is in the way, and that nothing is written.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use strongroom::control::pins::{self, Said, Wanted};
use strongroom::control::retention::{self, Error, Planned};
use strongroom::control::{self, Precondition, reads, tags, why};
use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::id::PolicyName;
use strongroom::kernel::manifest::{Header, Index, Manifest, MediaType};
use strongroom::kernel::statement::Key;
use strongroom::retention::Plan;
use strongroom::retention::plan::{Item, Named, What};

use crate::plane::{Actor, Plane, by_digest, by_tag, descriptor, manifest, name, tag};
use crate::policies::set;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

async fn plan(actor: &Actor, only: &[&str]) -> Result<Planned, Error> {
    let only: Vec<PolicyName> = only.iter().map(|name| name.parse().expect("a name")).collect();
    retention::plan(&actor.control, &actor.context.caller, &only).await
}

/// A package there, by its digest.
pub(crate) async fn deposit(plane: &Plane, at: &str, tagged: &str, content: &str) -> Blake3 {
    let admin = plane.admin();
    let package = plane.package(&admin, at, content.as_bytes()).await.encode();
    let accepted = admin.push(at, &by_tag(tagged), &package, Precondition::Any).await.expect("accepted");
    accepted.digests.blake3
}

fn digests(plan: &Plan, what: What) -> Vec<Blake3> {
    plan.items.iter().filter(|item| item.what == what).map(|item| item.digest).collect()
}

fn kept<'p>(plan: &'p Plan, digest: &Blake3) -> &'p Item {
    plan.items.iter().find(|item| item.digest == *digest && item.what == What::Keep).expect("it is kept back")
}

/// How many rows each table has, and a digest over them.
async fn tables(plane: &Plane) -> BTreeMap<String, (i64, Option<String>)> {
    let pool = plane.database.database.pool();
    let names: Vec<String> = sqlx::query_scalar(
        "select table_schema || '.' || table_name from information_schema.tables
         where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'",
    )
    .fetch_all(pool)
    .await
    .expect("tables are listed");
    let mut tables = BTreeMap::new();
    for name in names {
        let rows = format!("select count(*), md5(string_agg(t::text, ',' order by t::text)) from {name} t");
        let row: (i64, Option<String>) =
            sqlx::query_as(AssertSqlSafe(rows)).fetch_one(pool).await.expect("rows are counted");
        tables.insert(name, row);
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_testing_and_asking_why_write_nothing() {
    let plane = Plane::new().await;
    let first = deposit(&plane, "acme/a", "v1", "one").await;
    deposit(&plane, "acme/a", "v2", "two").await;
    let text = "[[rules]]\nname = 'd'\nselect = { repository = '*', has_annotation = 'k' }\naction = 'delete'\n\
                [[rules]]\nname = 'g'\nselect = { tag = 'v*' }\naction = 'delete'\n\
                [[rules]]\nname = 'l'\nselect = {}\naction = { lock = { mode = 'compliance', for = '1y' } }\n";
    let admin = plane.admin();
    set(&admin, "weekly", text).await.unwrap();
    let said = Said::new([(Key::Reason, "in use".to_owned())]).unwrap();
    let wanted = Wanted { pin: "prod".parse().unwrap(), said, precondition: Precondition::Any };
    pins::set(&admin.control, &admin.context, &name("acme/a"), &wanted, &first.into()).await.expect("set");
    let manager = plane.actor("manager", "repository:*:pull retention:plan").await;
    // What is read for the first time must be no write either.
    plane.clock.advance_ms(DAY_MS);
    let before = tables(&plane).await;
    assert!(before.len() > 15 && before["view.policies"].0 == 1 && before["log.events"].0 > 0);
    let planned = plan(&manager, &[]).await.unwrap();
    assert_eq!(planned.plan.made.position, plane.events().await.len() as u64);
    assert!(!planned.plan.items.is_empty(), "it is about something");
    let caller = &manager.context.caller;
    let draft = || control::policies::Form::Toml.read(text).unwrap();
    for tested in ["other", "weekly"] {
        retention::test(&manager.control, caller, &tested.parse().unwrap(), draft()).await.unwrap();
    }
    for asked in [by_tag("v1"), by_tag("v2"), by_digest(first)] {
        why::why(&manager.control, caller, &name("acme/a"), &asked).await.unwrap();
    }
    assert!(plan(&manager, &["unknown"]).await.is_err());
    assert_eq!(tables(&plane).await, before, "every row of every table of every schema is as it was");
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_goes_by_which_rule_and_what_keeps_the_rest() {
    let plane = Plane::new().await;
    let mut versions = Vec::new();
    for n in 0..4 {
        versions.push(deposit(&plane, "acme/a", &format!("v{n}"), &format!("version {n}")).await);
        plane.clock.advance_ms(DAY_MS);
    }
    let elsewhere = deposit(&plane, "other/a", "v0", "elsewhere").await;
    plane.clock.advance_ms(20 * DAY_MS);
    let rules = "[[rules]]\nname = 'old'\nselect = { repository = 'acme/*', tag = 'v*', beyond_newest = 1, older_than = '10d' }\n\
                 action = 'delete'\n[[rules]]\nname = 'first'\nselect = { tag = 'v0' }\naction = 'keep'\n";
    set(&plane.admin(), "weekly", rules).await.unwrap();
    let found = plan(&plane.admin(), &["weekly"]).await.unwrap();
    let mut expected = vec![versions[1], versions[2]];
    expected.sort();
    assert_eq!(digests(&found.plan, What::Delete), expected);
    assert!(matches!(kept(&found.plan, &versions[0]).kept_by.as_slice(), [Named::Keep(_)]));
    assert!(found.plan.items.iter().all(|item| ![versions[3], elsewhere].contains(&item.digest)));
    let again = Plan::decode(&found.documents.to_sequence()).unwrap();
    assert_eq!(again, found.plan);
    // Another policy protects whatever this one is about, whichever of them is planned for.
    let lock = "[[rules]]\nname = 'l'\nselect = { tag = 'v1' }\naction = { lock = { mode = 'governance', for = '1y' } }\n";
    set(&plane.admin(), "locks", lock).await.unwrap();
    let one = plan(&plane.admin(), &["weekly"]).await.unwrap().plan;
    assert_eq!(digests(&one, What::Delete), [versions[2]]);
    assert!(matches!(kept(&one, &versions[1]).kept_by.as_slice(), [Named::Lock { due: Some(_), .. }]));
    assert_eq!(one.totals().locks, 0, "only what acts records locks");
    assert_eq!(plan(&plane.admin(), &[]).await.unwrap().plan.totals().locks, 1);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_lately_and_what_a_tag_names_now_are_facts_of_the_log() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let read = deposit(&plane, "acme/a", "one", "one").await;
    let unread = deposit(&plane, "acme/a", "two", "two").await;
    plane.clock.advance_ms(20 * DAY_MS);
    let package = by_digest(read);
    reads::grant(&admin.control, &admin.context, &name("acme/a"), &package, None).await.expect("granted");
    let rules =
        "[[rules]]\nname = 'r'\nselect = { repository = '*', not_read_for = '10d' }\naction = 'delete'\n";
    set(&admin, "weekly", rules).await.unwrap();
    assert_eq!(digests(&plan(&admin, &[]).await.unwrap().plan, What::Delete), [unread]);
    let rules = "[[rules]]\nname = 'r'\nselect = { untagged = true }\naction = 'delete'\n";
    set(&admin, "weekly", rules).await.unwrap();
    assert_eq!(digests(&plan(&admin, &[]).await.unwrap().plan, What::Delete), []);
    tags::remove(&admin.control, &admin.context, &name("acme/a"), &tag("two"), Precondition::Any)
        .await
        .expect("removed");
    assert_eq!(digests(&plan(&admin, &[]).await.unwrap().plan, What::Delete), [unread]);
    plane.finish().await;
}

/// A part of a package, with what it is annotated with.
pub(crate) async fn part(plane: &Plane, content: &str, class: &str) -> Manifest {
    let admin = plane.admin();
    plane.package(&admin, "acme/a", content.as_bytes()).await;
    let header = Header {
        artifact_type: Some(MediaType::PACKAGE_PART),
        annotations: [("class".to_owned(), class.to_owned())].into(),
        ..Header::default()
    };
    let part = Manifest::new(header, descriptor(b"config"), vec![descriptor(content.as_bytes())])
        .expect("a manifest");
    admin.push_plain("acme/a", &part.encode()).await.expect("accepted");
    part
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_and_what_indexes_list_are_read_from_documents() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let (one, two) = (part(&plane, "one", "draft").await, part(&plane, "two", "final").await);
    let (first, second) = (Digests::of(&one.encode()).blake3, Digests::of(&two.encode()).blake3);
    let header = Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() };
    let index = Index::new(header, vec![one.descriptor(), two.descriptor()]).unwrap().encode();
    let index = admin.push("acme/a", &by_tag("v1"), &index, Precondition::Any).await.unwrap().digests.blake3;
    let drafts = "[[rules]]\nname = 'r'\nselect = { annotations = { class = 'draft' } }\naction = 'delete'\n";
    set(&admin, "weekly", drafts).await.unwrap();
    let found = plan(&admin, &[]).await.unwrap().plan;
    assert_eq!(found.items.len(), 1, "the other is annotated otherwise");
    assert_eq!(kept(&found, &first).kept_by, [Named::Listed(index)]);
    let all = "[[rules]]\nname = 'r'\nselect = { repository = '*' }\naction = 'delete'\n";
    set(&admin, "weekly", all).await.unwrap();
    let found = plan(&admin, &[]).await.unwrap().plan;
    let order = digests(&found, What::Delete);
    assert_eq!((order[0], order.len()), (index, 3), "the index goes before its parts");
    assert!(order.contains(&first) && order.contains(&second));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_package_stays_and_the_pin_is_named() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let package = deposit(&plane, "acme/a", "v1", "one").await;
    let said = Said::new([(Key::Reason, "in use".to_owned())]).unwrap();
    let wanted = Wanted { pin: "prod".parse().unwrap(), said, precondition: Precondition::Any };
    pins::set(&admin.control, &admin.context, &name("acme/a"), &wanted, &package.into()).await.expect("set");
    let all = "[[rules]]\nname = 'r'\nselect = { repository = '*' }\naction = 'delete'\n";
    set(&admin, "weekly", all).await.unwrap();
    let found = plan(&admin, &[]).await.unwrap().plan;
    assert_eq!(kept(&found, &package).kept_by, [Named::Pin("prod".into())]);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_stays_before_what_is_about_it() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    deposit(&plane, "acme/a", "v1", "subject").await;
    let subject = manifest(b"subject");
    let header = Header { subject: Some(subject.descriptor()), ..Header::default() };
    plane.package(&admin, "acme/a", b"note").await;
    let note = Manifest::new(header, descriptor(b"config"), vec![descriptor(b"note")]).unwrap().encode();
    let note = admin.push_plain("acme/a", &note).await.expect("accepted").digests.blake3;
    let untagged = "[[rules]]\nname = 'r'\nselect = { untagged = true }\naction = 'delete'\n";
    set(&admin, "weekly", untagged).await.unwrap();
    let found = plan(&admin, &[]).await.unwrap().plan;
    assert_eq!(kept(&found, &note).kept_by, [Named::Subject(subject.descriptor().digests.blake3)]);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_tested_in_the_place_of_the_one_that_stands() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let package = deposit(&plane, "acme/a", "v1", "one").await;
    let keep = "limits = { packages = 3 }\n[[rules]]\nname = 'k'\nselect = {}\naction = 'keep'\n";
    set(&admin, "weekly", keep).await.unwrap();
    let all = "[[rules]]\nname = 'r'\nselect = { repository = '*' }\naction = 'delete'\n";
    let test = async |name: &str| {
        let draft = control::policies::Form::Toml.read(all).unwrap();
        retention::test(&admin.control, &admin.context.caller, &name.parse().unwrap(), draft)
            .await
            .unwrap()
            .plan
    };
    let replaced = test("weekly").await;
    assert_eq!(digests(&replaced, What::Delete), [package]);
    assert_eq!((replaced.policies[0].version, replaced.limits.packages), (2, Some(3)));
    let beside = test("another").await;
    assert!(matches!(kept(&beside, &package).kept_by.as_slice(), [Named::Keep(_)]));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_needs_its_scope_and_policies_that_stand() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", "repository:*:pull,push,delete log:read").await;
    assert!(matches!(plan(&uploader, &[]).await, Err(Error::Shared(control::Error::Denied(_)))));
    let unknown = plan(&plane.admin(), &["weekly"]).await;
    assert!(matches!(unknown, Err(Error::Policy(control::policies::Error::Unknown(_)))));
    let nothing = plan(&plane.admin(), &[]).await.unwrap();
    assert!(nothing.plan.items.is_empty() && nothing.documents.parts.is_empty());
    plane.finish().await;
}
