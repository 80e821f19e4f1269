//! Policies: versions that keep what they do not name, set by one of many at a time.

use strongroom::control::policies::{self, Error, Form, Set};
use strongroom::control::{self};
use strongroom::kernel::event::Fact;
use strongroom::kernel::id::PolicyName;

use crate::plane::{Actor, Plane};

const KEEP: &str = "[[rules]]\nname = \"all\"\nselect = {}\naction = \"keep\"\n";

fn weekly() -> PolicyName {
    "weekly".parse().expect("a name")
}

pub(crate) async fn set(actor: &Actor, name: &str, text: &str) -> Result<Set, Error> {
    let draft = Form::Toml.read(text)?;
    policies::set(&actor.control, &actor.context, &name.parse().expect("a name"), &draft).await
}

async fn remove(actor: &Actor) -> Result<u64, Error> {
    policies::remove(&actor.control, &actor.context, &weekly()).await
}

async fn get(actor: &Actor) -> Result<policies::Known, Error> {
    policies::get(&actor.control, &actor.context.caller, &weekly()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_keeps_what_it_does_not_name_and_the_same_again_is_no_version() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let head = "description = \"Weekly\"\nschedule = { cron = \"0 3 * * 1\", apply = true }\nlimits = { packages = 5 }\n";
    let first = set(&admin, "weekly", &format!("{head}{KEEP}")).await.unwrap();
    assert_eq!((first.version, first.changed), (1, true));
    let again = set(&admin, "weekly", KEEP).await.unwrap();
    assert_eq!(again, Set { changed: false, ..first.clone() }, "a file that names less changes nothing");
    let second = set(&admin, "weekly", &format!("limits = {{ bytes = 7 }}\n{KEEP}")).await.unwrap();
    assert_eq!((second.version, second.changed), (2, true));
    let known = get(&admin).await.unwrap();
    assert_eq!((known.row.version, known.row.document), (2, second.document));
    let policy = known.policy;
    assert_eq!((policy.limits.packages, policy.limits.bytes), (Some(5), Some(7)));
    assert!(policy.schedule.unwrap().apply && policy.description.as_deref() == Some("Weekly"));
    let caller = &admin.context.caller;
    let before = policies::version(&admin.control, caller, &weekly(), 1).await.unwrap();
    assert_eq!((before.row.document, before.row.standing), (first.document, false));
    assert_eq!(before.policy.limits.bytes, None);
    let missing = policies::version(&admin.control, caller, &weekly(), 3).await;
    assert!(matches!(missing, Err(Error::Unknown(_))));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_stands_no_more_and_comes_back_without_what_it_said() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    assert!(matches!(remove(&admin).await, Err(Error::Unknown(_))));
    set(&admin, "weekly", &format!("description = \"x\"\n{KEEP}")).await.unwrap();
    remove(&admin).await.unwrap();
    assert!(matches!(get(&admin).await, Err(Error::Unknown(_))));
    assert!(matches!(remove(&admin).await, Err(Error::Unknown(_))));
    let caller = &admin.context.caller;
    assert_eq!(policies::list(&admin.control, caller, None, 10).await.unwrap(), []);
    let back = set(&admin, "weekly", KEEP).await.unwrap();
    assert_eq!(back.version, 2);
    assert_eq!(get(&admin).await.unwrap().policy.description, None);
    let history = policies::history(&admin.control, caller, &weekly(), 0, 100).await.unwrap();
    let versions: Vec<_> = history.iter().map(|one| (one.version, one.document.is_some())).collect();
    assert_eq!(versions, [(1, true), (1, false), (2, true)]);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_set_at_once_each_makes_a_version_of_the_one_before() {
    let plane = Plane::new().await;
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..6 {
        let admin = plane.admin();
        let text = match n % 2 {
            0 => format!("limits = {{ packages = {} }}\n{KEEP}", 100 + n),
            _ => format!("limits = {{ bytes = {} }}\n{KEEP}", 100 + n),
        };
        callers.spawn(async move { set(&admin, "weekly", &text).await.map(|set| set.version) });
    }
    let outcomes = callers.join_all().await;
    // Who lost every race is told so, and lost nothing of the others.
    let won = outcomes.iter().filter(|outcome| match outcome {
        Ok(_) => true,
        Err(Error::Shared(control::Error::Contended)) => false,
        Err(error) => panic!("{error}"),
    });
    let won = won.count() as u64;
    let versions: Vec<u64> = plane
        .facts("policy.set")
        .await
        .into_iter()
        .map(|fact| match fact {
            Fact::PolicySet(fact) => fact.version,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(versions, (1..=won).collect::<Vec<_>>());
    let limits = get(&plane.admin()).await.unwrap().policy.limits;
    assert!(won < 2 || limits.packages.is_some() || limits.bytes.is_some());
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_is_one_change() {
    let plane = Plane::new().await;
    let admin = plane.admin().repeating("once");
    let first = set(&admin, "weekly", KEEP).await.unwrap();
    set(&plane.admin(), "weekly", &format!("description = \"x\"\n{KEEP}")).await.unwrap();
    assert_eq!(set(&admin, "weekly", KEEP).await.unwrap(), first);
    let other = set(&admin, "other", KEEP).await;
    assert!(matches!(other, Err(Error::Shared(control::Error::IdempotencyKeyReused))));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_needs_admin_and_reading_needs_plan() {
    let plane = Plane::new().await;
    set(&plane.admin(), "weekly", KEEP).await.unwrap();
    let manager = plane.actor("manager", "repository:*:pull log:read retention:plan,apply,hold").await;
    let uploader = plane.actor("uploader", "repository:*:pull,push,delete").await;
    for actor in [&manager, &uploader] {
        assert!(matches!(set(actor, "weekly", KEEP).await, Err(Error::Shared(control::Error::Denied(_)))));
        assert!(matches!(remove(actor).await, Err(Error::Shared(control::Error::Denied(_)))));
    }
    assert!(get(&manager).await.is_ok());
    assert!(matches!(get(&uploader).await, Err(Error::Shared(control::Error::Denied(_)))));
    plane.finish().await;
}
