//! Locks that rules say, recorded when a package is accepted or gets a tag.

use std::sync::Arc;

use strongroom::clock::Manual;
use strongroom::control::deletions::{self, Error};
use strongroom::control::{Precondition, locks, manifests, pins, plans, policies, retention, tags};
use strongroom::kernel::digest::Blake3;
use strongroom::kernel::event::{Fact, LockExtended, LockGround, LockMode};
use strongroom::kernel::id::PolicyName;
use strongroom::kernel::manifest::{Header, Index, MediaType};
use strongroom::kernel::statement::{Key, Statement};
use strongroom::log::Recorded;

use crate::plane::{Actor, Plane, by_digest, by_tag, name, tag};
use crate::policies::set;

const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn lock(rule: &str, select: &str, mode: &str, term: &str) -> String {
    format!(
        "[[rules]]\nname = '{rule}'\nselect = {{ {select} }}\naction = {{ lock = {{ mode = '{mode}', {term} }} }}\n"
    )
}

fn because(reason: &str) -> Statement {
    Statement::because(reason).expect("a reason")
}

/// The locks in the log, with their policy, version and rule.
async fn recorded(plane: &Plane) -> Vec<(LockExtended, String)> {
    let of = |fact| match fact {
        Fact::LockExtended(lock) => match &lock.ground {
            LockGround::Rule { policy, version, rule } => {
                let ground = format!("{policy} {version} {rule}");
                (lock, ground)
            }
            LockGround::Actor { .. } => panic!("by a rule"),
        },
        other => panic!("{other:?}"),
    };
    plane.facts("lock.extended").await.into_iter().map(of).collect()
}

async fn push(plane: &Plane, actor: &Actor, content: &[u8], tag: &str) -> manifests::Accepted {
    let bytes = plane.package(actor, "acme/a", content).await.encode();
    actor.push("acme/a", &by_tag(tag), &bytes, Precondition::Any).await.expect("accepted")
}

async fn delete(actor: &Actor, digest: Blake3) -> Result<deletions::Deleted, Error> {
    let (repository, reference) = (name("acme/a"), by_digest(digest));
    deletions::delete(&actor.control, &actor.context, &repository, &reference, &because("not needed")).await
}

async fn remove(admin: &Actor, policy: &str) {
    let policy: PolicyName = policy.parse().expect("a name");
    policies::remove(&admin.control, &admin.context, &policy).await.expect("removed");
}

/// What the next plan records and what applying it did.
async fn plan_locks(admin: &Actor) -> (u64, u64) {
    let planned = retention::plan(&admin.control, &admin.context.caller, &[]).await.expect("a plan");
    let due = planned.plan.totals().locks;
    let sequence = planned.documents.to_sequence();
    let plan = plans::submit(&admin.control, &admin.context, &sequence).await.expect("submitted").plan;
    let step = plans::apply(&admin.control, &admin.context, plan, 0).await.expect("applied");
    (due, step.locked)
}

fn types(events: &[Recorded]) -> Vec<&'static str> {
    events.iter().map(|recorded| recorded.event.fact.type_name()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_locked_by_the_append_that_accepts_it_and_whatever_becomes_of_the_policy() {
    let plane = Plane::new().await;
    let (admin, ci) = (plane.admin(), plane.actor("ci", "repository:acme/*:pull,push,delete").await);
    set(&admin, "law", &lock("seven", "repository = 'acme/*'", "governance", "for = '10d'")).await.unwrap();
    let bytes = plane.package(&ci, "acme/a", b"evidence").await.encode();
    let before = plane.events().await.len();
    let accepted = ci.push("acme/a", &by_tag("v1"), &bytes, Precondition::Any).await.unwrap();

    let events = plane.events().await;
    let appended = &events[before..];
    assert_eq!(types(appended), ["manifest.references", "lock.extended", "manifest.accepted", "tag.set"]);
    assert!(appended.iter().all(|one| one.event.at_ms == appended[0].event.at_ms), "one append");
    let at_ms = appended[0].event.at_ms;
    let locks = recorded(&plane).await;
    let (lock, ground) = &locks[0];
    assert_eq!(
        (lock.blake3, lock.mode, ground.as_str()),
        (accepted.digests.blake3, LockMode::Governance, "law 1 seven")
    );
    assert_eq!(lock.until_ms, (at_ms + 10 * DAY_MS).div_ceil(DAY_MS) * DAY_MS, "to the end of the day");
    assert_eq!(appended[1].event.actor.as_str(), "ci");

    // Nothing is left for a plan, and deleting is refused by what is on record.
    assert_eq!(plan_locks(&admin).await, (0, 0));
    remove(&admin, "law").await;
    let Err(Error::Kept { blockers }) = delete(&ci, accepted.digests.blake3).await else {
        panic!("it is locked")
    };
    assert_eq!(blockers.len(), 1);
    assert_eq!((blockers[0].kind, blockers[0].until_ms), ("governance-lock", Some(lock.until_ms)));
    plane.clock.advance_ms(lock.until_ms - plane.now_ms() - 1);
    assert!(delete(&ci, accepted.digests.blake3).await.is_err(), "to its last millisecond");
    plane.clock.advance_ms(1);
    delete(&ci, accepted.digests.blake3).await.unwrap();

    // Accepted again it is another package, and there is no policy any more.
    ci.push("acme/a", &by_tag("v1"), &bytes, Precondition::Any).await.unwrap();
    assert_eq!(recorded(&plane).await.len(), 1);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_policies_the_latest_end_of_each_mode_is_recorded() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let short = [
        lock("short", "repository = 'acme/*'", "governance", "for = '1d'"),
        lock("hard", "artifact_type = 'application/vnd.example'", "compliance", "for = '90d'"),
        lock("other", "repository = 'other/*'", "compliance", "for = '99y'"),
    ];
    set(&admin, "a", &short.concat()).await.unwrap();
    let until = "until = '2200-01-01'";
    let long = [
        lock("long", "smaller_than = '1 GiB'", "governance", "for = '1y'"),
        lock("old", "older_than = '1d'", "governance", "for = '50y'"),
        lock("few", "newest = 1", "governance", "for = '60y'"),
        lock("tagged", "tag = 'v*'", "compliance", until),
    ];
    set(&admin, "b", &long.concat()).await.unwrap();
    push(&plane, &admin, b"one", "v1").await;
    push(&plane, &admin, b"two", "latest").await;
    let grounds = |locks: &[(LockExtended, String)]| -> Vec<(LockMode, String)> {
        locks.iter().map(|(lock, ground)| (lock.mode, ground.clone())).collect()
    };
    let (compliance, governance) = (LockMode::Compliance, LockMode::Governance);
    let at_once = recorded(&plane).await;
    assert_eq!(
        grounds(&at_once),
        [
            (compliance, "b 1 tagged".to_owned()),
            (governance, "b 1 long".to_owned()),
            (governance, "b 1 long".to_owned())
        ]
    );
    assert_eq!(at_once[0].0.until_ms, 7_258_118_400_000, "a point in time is as it was written");
    // What counts packages is left to the next plan: the newest is locked for longer.
    assert_eq!(plan_locks(&admin).await, (1, 1));
    assert_eq!(recorded(&plane).await.last().unwrap().1, "b 1 few");
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_locked_by_itself_and_keeps_what_it_lists() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let select = "media_type = 'application/vnd.oci.image.index.v1+json'";
    let native = format!("media_type = '{}'", MediaType::INDEX.as_str());
    let rules = [
        lock("none", select, "compliance", "for = '9y'"),
        lock("index", &native, "compliance", "for = '1mo'"),
    ];
    set(&admin, "law", &rules.concat()).await.unwrap();
    let part = plane.package(&admin, "acme/a", b"part").await;
    admin.push_plain("acme/a", &part.encode()).await.unwrap();
    let index = Index::new(Header::default(), vec![part.descriptor()]).unwrap().encode();
    let index = admin.push_plain("acme/a", &index).await.unwrap().digests.blake3;
    let locks = recorded(&plane).await;
    assert_eq!((locks.len(), locks[0].0.blake3, locks[0].1.as_str()), (1, index, "law 1 index"));
    assert_eq!(plan_locks(&admin).await, (0, 0));
    let Err(Error::Kept { blockers }) = delete(&admin, part.descriptor().digests.blake3).await else {
        panic!("listed")
    };
    assert_eq!(blockers[0].kind, "listed");
    assert!(matches!(delete(&admin, index).await, Err(Error::Kept { .. })));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_a_rule_selects_by_locks_in_the_append_that_sets_it() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    set(&admin, "law", &lock("releases", "tag = 'v*'", "compliance", "for = '1y'")).await.unwrap();
    let one = push(&plane, &admin, b"one", "latest").await;
    let two = push(&plane, &admin, b"two", "latest").await;
    assert_eq!(recorded(&plane).await, []);
    plane.clock.advance_ms(3 * DAY_MS);
    let set_tag = async |tag_name: &str, digest: Blake3| {
        let (repository, tag) = (name("acme/a"), tag(tag_name));
        tags::set(&admin.control, &admin.context, &repository, &tag, &digest.into(), Precondition::Any).await
    };
    set_tag("other", one.digests.blake3).await.unwrap();
    set_tag("v1", one.digests.blake3).await.unwrap();
    let events = plane.events().await;
    assert_eq!(types(&events[events.len() - 2..]), ["lock.extended", "tag.set"]);
    let locks = recorded(&plane).await;
    // Its clock started when it was accepted.
    let accepted_ms = events.iter().rfind(|one| one.position == two.position).unwrap().event.at_ms;
    assert!(locks[0].0.until_ms < accepted_ms + 367 * DAY_MS && locks[0].0.until_ms % DAY_MS == 0);
    // A second such tag says nothing new; nor does the same tag put with the package.
    set_tag("v2", one.digests.blake3).await.unwrap();
    assert_eq!(recorded(&plane).await.len(), 1);
    push(&plane, &admin, b"two", "v3").await;
    assert_eq!(recorded(&plane).await[1].0.blake3, two.digests.blake3);
    // What was bypassed or moved by hand is not taken back.
    let until_ms = locks[0].0.until_ms + 400 * DAY_MS;
    let (repository, reference, said) = (name("acme/a"), by_digest(one.digests.blake3), because("longer"));
    locks::extend(
        &admin.control,
        &admin.context,
        &repository,
        &reference,
        LockMode::Compliance,
        until_ms,
        &said,
    )
    .await
    .unwrap();
    set_tag("v4", one.digests.blake3).await.unwrap();
    assert_eq!(plane.facts("lock.extended").await.len(), 3);
    assert_eq!(plan_locks(&admin).await, (0, 0));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_locks_pins_and_tags_in_one_append() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    set(&admin, "law", &lock("all", "has_annotation = 'class', tag = 'r*'", "governance", "for = '2y'"))
        .await
        .unwrap();
    let package = plane.package(&admin, "acme/a", b"published").await;
    let header = Header { annotations: [("class".to_owned(), "x".to_owned())].into(), ..Header::default() };
    let package = strongroom::kernel::manifest::Manifest::new(
        header,
        package.config().clone(),
        package.layers().to_vec(),
    );
    let bytes = package.unwrap().encode();
    let wanted = pins::Wanted {
        pin: "prod".parse().unwrap(),
        precondition: Precondition::Any,
        said: pins::Said::new([(Key::Reason, "a release".to_owned())]).unwrap(),
    };
    let before = plane.events().await.len();
    let again = admin.repeating("publish");
    for _ in 0..2 {
        manifests::publish(
            &again.control,
            &again.context,
            &name("acme/a"),
            &bytes,
            Some(tag("r1")),
            wanted.clone(),
        )
        .await
        .unwrap();
    }
    let events = plane.events().await;
    assert_eq!(
        types(&events[before..]),
        ["manifest.references", "lock.extended", "manifest.accepted", "tag.set", "pin.set"]
    );
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_comes_between_decision_and_append_decides_too() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let mut packages = Vec::new();
    for n in 0..60_u8 {
        packages.push(plane.package(&admin, "acme/a", &[n]).await.encode());
    }
    let mut pushes = tokio::task::JoinSet::new();
    for bytes in packages {
        let admin = admin.clone();
        pushes.spawn(async move { admin.push_plain("acme/a", &bytes).await.expect("accepted") });
    }
    for version in 1..6_u64 {
        let term = format!("for = '{version}y'");
        set(&admin, "law", &lock("all", "repository = '*'", "governance", &term)).await.unwrap();
    }
    pushes.join_all().await;
    // Each package was locked by the version that stood where it was accepted, and by none where none stood.
    let (mut standing, mut locked, mut seen) = (0, None, 0);
    for recorded in plane.events().await {
        match recorded.event.fact {
            Fact::PolicySet(fact) => standing = fact.version,
            Fact::LockExtended(fact) => {
                let LockGround::Rule { version, .. } = fact.ground else { panic!("by a rule") };
                locked = Some((fact.blake3, version));
            }
            Fact::ManifestAccepted(fact) => {
                let expected = (standing > 0).then_some((fact.blake3, standing));
                assert_eq!(locked.take(), expected, "at position {}", recorded.position);
                seen += 1;
            }
            _ => {}
        }
    }
    assert_eq!(seen, 60);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_hour_decides_and_the_next_records_is_decided_again() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    set(&admin, "law", &lock("short", "repository = '*'", "governance", "for = '1h'")).await.unwrap();
    // Another process of the same log is ahead: what it appends, at a later hour, is the earliest time of what follows.
    let clock = Arc::new(Manual::at_ms(plane.now_ms().next_multiple_of(HOUR_MS) + 1));
    let other = plane.other_by(clock).await;
    let ahead = Actor { control: other.control.clone(), context: admin.context.clone() };
    let bytes = plane.package(&admin, "acme/a", b"ahead").await.encode();
    ahead.push_plain("acme/a", &bytes).await.unwrap();
    push(&plane, &admin, b"behind", "b").await;
    let locks = recorded(&plane).await;
    assert_eq!((locks.len(), locks[0].0.until_ms), (2, locks[1].0.until_ms));
    assert_eq!(plan_locks(&admin).await, (0, 0));
    plane.finish().await;
}
