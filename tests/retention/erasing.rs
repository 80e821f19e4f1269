//! What a law wants erased is gone: from the disk, from the database, and from what comes later. The log stands.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use strongroom::access::{Role, Scopes};
use strongroom::audit::log::Verifier;
use strongroom::audit::{self, Depth, Report, Subject};
use strongroom::control::erasures::{self, Erase, Erased, NeededBy};
use strongroom::control::holds::Target;
use strongroom::control::manifests::{self, Form};
use strongroom::control::tokens::Mint;
use strongroom::control::{Precondition, holds, locks, pins, tokens};
use strongroom::kernel::digest::{Blake3, Digest};
use strongroom::kernel::event::{Authority, Fact, LockMode};
use strongroom::kernel::id::RepositoryName;
use strongroom::kernel::statement::{Key, Statement};
use strongroom::node::{DepositError, EraseError};
use strongroom::retention::FixedSelector;

use crate::harness::node::package;
use crate::scene::{DAY_MS, Scene, because, by_digest};

const SECRET: &[u8] = b"Jane Doe lives at 7 Elm Street";

pub(crate) fn reports() -> RepositoryName {
    "acme/reports".parse().unwrap()
}

pub(crate) fn prod() -> pins::Wanted {
    pins::Wanted {
        pin: "prod".parse().unwrap(),
        precondition: Precondition::Any,
        said: pins::Said::new([(Key::Reason, "the release".to_owned())]).unwrap(),
    }
}

fn copies() -> RepositoryName {
    "acme/copies".parse().unwrap()
}

fn ground() -> Statement {
    let values = [(Key::Authority, "Art. 17 GDPR"), (Key::Reason, "the data subject asked")];
    Statement::new(values.map(|(key, value)| (key, value.to_owned()))).unwrap()
}

impl Scene {
    /// Who acts here has a token that allows it, as an audit asks.
    async fn trusted() -> Self {
        let scene = Box::pin(Self::start()).await;
        for subject in ["admin", "applier", "counsel", "keeper", "officer", "planner"] {
            let mint = Mint {
                subject: Some(subject.parse().unwrap()),
                scopes: Role::parse_scopes("admin").unwrap(),
                expires_in_seconds: None,
            };
            Box::pin(tokens::mint(scene.node.control(), &scene.node.context(), mint)).await.unwrap();
        }
        scene
    }

    /// A package whose only file has the name of a person.
    async fn deposit_named(&self, target: &str, content: &[u8]) -> Result<Blake3, DepositError> {
        self.deposit_file(target, "jane-doe.txt", content).await
    }

    pub(crate) async fn erase(&self, at: &RepositoryName, digest: Blake3) -> Result<Erased, EraseError> {
        self.erase_as("officer", at, digest, false).await
    }

    async fn erase_as(
        &self,
        actor: &str,
        repository: &RepositoryName,
        digest: Blake3,
        everywhere: bool,
    ) -> Result<Erased, EraseError> {
        let request = Erase { statement: ground(), everywhere, after: None };
        self.node.erase(&self.context(actor), repository, &by_digest(digest), &request).await
    }

    /// Documents whose bytes hold that text.
    async fn documents_with(&self, text: &str) -> i64 {
        let sql = "select count(*) from log.documents where position(convert_to($1, 'UTF8') in bytes) > 0";
        sqlx::query_scalar(sql).bind(text).fetch_one(self.pool()).await.unwrap()
    }

    fn pool(&self) -> &sqlx::PgPool {
        self.node.database().database.pool()
    }

    /// The last checkpoint that was signed; waits for one of the log as it is.
    async fn checkpoint(&self) -> String {
        let size = i64::try_from(self.facts().await.len()).unwrap();
        for _ in 0..600 {
            let sql = "select note from log.checkpoints where size >= $1 order by size desc limit 1";
            if let Some(note) = sqlx::query_scalar(sql).bind(size).fetch_optional(self.pool()).await.unwrap()
            {
                return note;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("no checkpoint of {size} events");
    }

    async fn audit(&self, noted: &[String]) -> Report {
        let anchor = self.checkpoint().await;
        let expected = audit::Expected { anchor: Some(&anchor), noted };
        let stores = HashMap::from([("main".parse().unwrap(), self.node.store().clone())]);
        audit::server::run(self.pool(), expected, Some(&stores), Depth::Full, &|_| {}).await.unwrap()
    }
}

fn kept(outcome: Result<Erased, EraseError>) -> Vec<String> {
    match outcome {
        Err(EraseError::Erasure(erasures::Error::Kept { blockers })) => {
            blockers.into_iter().map(|blocker| blocker.text).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_gone_from_disk_and_database_and_the_log_stands() {
    let scene = Scene::trusted().await;
    let digest = scene.deposit_named("acme/reports:v1", SECRET).await.unwrap();
    let officer = scene.context("officer");
    pins::set(scene.node.control(), &officer, &reports(), &prod(), &digest.into()).await.unwrap();
    assert_eq!((scene.files_with(SECRET), scene.documents_with("jane-doe").await), (1, 2));
    let noted = scene.checkpoint().await;

    let erased = scene.erase(&reports(), digest).await.unwrap();
    assert_eq!(erased.pins, [(reports(), "prod".parse().unwrap())]);
    assert_eq!((erased.repositories.as_slice(), erased.documents_erased), (&[reports()][..], true));
    assert_eq!((erased.step.deleted.count, erased.step.failed, erased.next), (2, 0, None), "config and file");
    assert_eq!((erased.kept.len(), erased.still_in.len()), (0, 0));
    assert_eq!((scene.files_with(SECRET), scene.documents_with("jane-doe").await), (0, 0));

    let facts = scene.facts().await;
    let types: Vec<&str> = facts.iter().map(Fact::type_name).collect();
    let ending = ["pin.released", "manifest.deleted", "document.erased", "document.erased"];
    let at = types.iter().position(|name| *name == "pin.released").unwrap();
    assert_eq!(types[at..at + 4], ending);
    assert_eq!(types[types.len() - 2..], ["blob.deleted", "blob.deleted"]);
    let Fact::ManifestDeleted(tombstone) = &facts[at + 1] else { panic!("{:?}", facts[at + 1]) };
    assert_eq!(tombstone.authority, Authority::Erasure { statement: ground().digest() });
    assert_eq!(erased.position, Some(at as u64 + 1));

    let report = scene.audit(std::slice::from_ref(&noted)).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    // Who only has the records finds the same, going on from what was signed before.
    let mut verifier = Verifier::new();
    verifier.expect_noted(&noted).unwrap();
    scene.node.replay(|recorded| drop(verifier.push(&recorded.record))).await.unwrap();
    let remote = verifier.finish();
    assert!(remote.is_clean(), "{:?}", remote.findings);
    assert_eq!(remote.root, report.root);
    let position = erased.position.unwrap();
    for form in [Form::Native, Form::Oci] {
        let caller = scene.context("reader").caller;
        let read = manifests::get(scene.node.control(), &caller, &reports(), &by_digest(digest), form)
            .await
            .unwrap_err();
        assert!(matches!(read, manifests::Error::Erased { position: at, .. } if at == position), "{read}");
    }
    let again = scene.deposit_named("acme/reports:v1", SECRET).await.unwrap_err();
    assert!(again.to_string().contains("was erased"), "{again}");
    // The bytes alone are nobody's name: another package may have them.
    scene.deposit("acme/reports:v2", SECRET).await;
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_of_every_kind_and_compliance_locks_refuse_it_and_all_are_named() {
    let scene = Scene::trusted().await;
    let digest = scene.deposit_named("acme/reports:v1", SECRET).await.unwrap();
    let (control, keeper, said) = (scene.node.control(), scene.context("keeper"), because("x"));
    scene.hold("on-package", Target::Package(reports(), by_digest(digest))).await;
    scene.hold("on-repository", Target::Repository(reports())).await;
    let selector = FixedSelector { repositories: ["acme/*".parse().unwrap()].into(), ..Default::default() };
    scene.hold("on-query", Target::Query(selector)).await;
    let until_ms = scene.clock_ms() + DAY_MS;
    for mode in LockMode::ALL {
        locks::extend(control, &keeper, &reports(), &by_digest(digest), mode, until_ms, &said).await.unwrap();
    }
    // Keys that orders need are put on record before anything.
    let other_than_keys = |facts: Vec<Fact>| {
        facts.into_iter().filter(|fact| !matches!(fact, Fact::KeyAdded(_))).collect::<Vec<_>>()
    };
    let before = other_than_keys(scene.facts().await);
    let named = kept(scene.erase(&reports(), digest).await);
    assert_eq!(named.len(), 4, "{named:?}");
    assert_eq!(named[..3], ["hold on-package", "hold on-query", "hold on-repository"]);
    assert!(named[3].starts_with("a compliance lock until"), "{named:?}");
    assert_eq!(other_than_keys(scene.facts().await), before, "a refusal is no event");
    for hold in ["on-package", "on-repository", "on-query"] {
        holds::release(control, &keeper, &hold.parse().unwrap(), &said).await.unwrap();
    }
    assert_eq!(kept(scene.erase(&reports(), digest).await).len(), 1, "the compliance lock");
    scene.clock.advance_ms(DAY_MS + 1);

    // A governance lock asks for one right more.
    let until_ms = scene.clock_ms() + DAY_MS;
    let governance = LockMode::Governance;
    locks::extend(control, &keeper, &reports(), &by_digest(digest), governance, until_ms, &said)
        .await
        .unwrap();
    let request = Erase { statement: ground(), everywhere: false, after: None };
    let mut lesser = scene.context("officer");
    lesser.caller.scopes = Scopes::parse(["repository:*:pull", "retention:erase"]).unwrap();
    let refused = scene.node.erase(&lesser, &reports(), &by_digest(digest), &request).await.unwrap_err();
    assert!(refused.to_string().contains("retention:bypass"), "{refused}");
    lesser.caller.scopes = Scopes::parse(["repository:*:pull", "retention:bypass"]).unwrap();
    let refused = scene.node.erase(&lesser, &reports(), &by_digest(digest), &request).await.unwrap_err();
    assert!(refused.to_string().contains("retention:erase"), "{refused}");
    scene.erase(&reports(), digest).await.unwrap();
    assert!(scene.audit(&[]).await.is_clean());
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_package_has_stays_until_that_is_erased_too() {
    let scene = Scene::trusted().await;
    let digest = scene.deposit_named("acme/reports:v1", SECRET).await.unwrap();
    assert_eq!(scene.deposit_named("acme/copies:v1", SECRET).await.unwrap(), digest);
    let erased = scene.erase(&reports(), digest).await.unwrap();
    assert_eq!((erased.documents_erased, erased.still_in.as_slice()), (false, &[copies()][..]));
    assert_eq!((erased.kept.len(), erased.step.deleted.count), (2, 0));
    let read = scene.node.read(&package("acme/copies:v1"), &"jane-doe.txt".parse().unwrap()).await.unwrap();
    assert_eq!(read.bytes().await.unwrap(), SECRET);
    assert!(scene.deposit_named("acme/reports:v1", SECRET).await.is_err(), "it does not come back there");

    // Deleted in the other one by a word: its documents and bytes are there still, and go by asking again.
    scene.delete("acme/copies:v1").await.unwrap();
    assert_eq!((scene.files_with(SECRET), scene.documents_with("jane-doe").await), (1, 2));
    let again = scene.erase(&reports(), digest).await.unwrap();
    assert_eq!((again.documents_erased, again.step.deleted.count), (true, 2), "without the grace");
    assert_eq!((scene.files_with(SECRET), scene.documents_with("jane-doe").await), (0, 0));
    assert!(scene.deposit_named("acme/copies:v1", SECRET).await.is_err(), "nor anywhere else");
    let report = scene.audit(&[]).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everywhere_is_all_or_nothing_and_a_shared_blob_stays() {
    let scene = Scene::trusted().await;
    let digest = scene.deposit_named("acme/reports:v1", SECRET).await.unwrap();
    scene.deposit_named("acme/copies:v1", SECRET).await.unwrap();
    scene.deposit("acme/others:v1", SECRET).await;
    scene.hold("case-1", Target::Repository(copies())).await;
    let named = kept(scene.erase_as("officer", &reports(), digest, true).await);
    assert_eq!(named, ["hold case-1 in acme/copies"]);
    let (hold, said) = ("case-1".parse().unwrap(), because("closed"));
    holds::release(scene.node.control(), &scene.context("keeper"), &hold, &said).await.unwrap();
    let erased = scene.erase_as("officer", &reports(), digest, true).await.unwrap();
    assert_eq!(erased.repositories, [copies(), reports()]);
    assert!(erased.documents_erased);
    let shared = strongroom::kernel::digest::Digests::of(SECRET).blake3;
    assert!(erased.kept.contains(&shared), "{:?}", erased.kept);
    assert_eq!((scene.files_with(SECRET), scene.documents_with("jane-doe").await), (1, 0));
    assert!(scene.audit(&[]).await.is_clean());
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_between_the_event_and_the_removal_is_found_and_taken_away() {
    let scene = Scene::trusted().await;
    let digest = scene.deposit_named("acme/reports:v1", SECRET).await.unwrap();
    let rows = "select d from log.documents d where position(convert_to('jane-doe', 'UTF8') in bytes) > 0";
    let sql = format!("create table public.kept as select (d).* from ({rows}) r (d)");
    sqlx::query(AssertSqlSafe(sql)).execute(scene.pool()).await.unwrap();
    let erased = scene.erase(&reports(), digest).await.unwrap();
    let back = "insert into log.documents select * from public.kept";
    for way in ["collection", "repetition"] {
        sqlx::query(back).execute(scene.pool()).await.unwrap();
        let report = scene.audit(&[]).await;
        let found: Vec<_> =
            report.findings.iter().map(|finding| (finding.subject, &finding.detail)).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|(subject, detail)| *subject == Subject::Document
            && detail.contains("erased it, and it is there")));
        let size = scene.facts().await.len();
        match way {
            "collection" => assert_eq!(scene.collect().await, (0, 0)),
            _ => {
                let again = scene.erase(&reports(), digest).await.unwrap();
                assert_eq!((again.position, again.step.deleted.count), (erased.position, 0));
                assert!(again.repositories.is_empty() && again.documents_erased);
            }
        }
        assert_eq!(scene.documents_with("jane-doe").await, 0, "{way}");
        assert_eq!(scene.facts().await.len(), size, "nothing is recorded again");
        assert!(scene.audit(&[]).await.is_clean());
    }
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_of_the_same_package_meanwhile_is_whole_or_refused() {
    let scene = Scene::trusted().await;
    for round in 0..6_u8 {
        let content = [SECRET, &[round]].concat();
        let (one, other) = (format!("acme/reports:r{round}"), format!("acme/copies:r{round}"));
        let digest = scene.deposit_named(&one, &content).await.unwrap();
        let reports = reports();
        let (erased, deposited) =
            tokio::join!(scene.erase(&reports, digest), scene.deposit_named(&other, &content));
        let erased = erased.unwrap();
        assert_eq!(erased.documents_erased, deposited.is_err(), "{deposited:?}");
        scene.collect().await;
        let there: i64 = sqlx::query_scalar("select count(*) from log.documents where blake3 = $1")
            .bind(digest.as_bytes().as_slice())
            .fetch_one(scene.pool())
            .await
            .unwrap();
        assert_eq!(there == 1, deposited.is_ok());
        if deposited.is_ok() {
            let read = scene.node.read(&package(&other), &"jane-doe.txt".parse().unwrap()).await.unwrap();
            assert_eq!(read.bytes().await.unwrap(), content);
        }
    }
    let report = scene.audit(&[]).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    scene.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_erased_unless_something_is_decided_by_it() {
    let scene = Scene::trusted().await;
    let digest = scene.deposit_named("acme/reports:v1", SECRET).await.unwrap();
    let selector = FixedSelector { repositories: ["acme/*".parse().unwrap()].into(), ..Default::default() };
    let selected = strongroom::kernel::digest::Digests::of(&selector.encode()).blake3;
    scene.hold("case-1", Target::Query(selector)).await;
    scene
        .policy("keeps", "[[rules]]\nname = 'all'\nselect = { repository = 'x/*' }\naction = 'keep'\n")
        .await;
    let policy = scene.facts().await.into_iter().find_map(|fact| match fact {
        Fact::PolicySet(fact) => Some(fact.document),
        _ => None,
    });
    let officer = scene.context("officer");
    let erase = async |document: Blake3| {
        scene.node.plane().erase_document(&officer, &Digest::from(document), &ground()).await
    };
    for (document, by) in
        [(selected, NeededBy::Hold), (policy.unwrap(), NeededBy::Policy), (digest, NeededBy::Package)]
    {
        let refused = erase(document).await.unwrap_err();
        let found = match &refused {
            EraseError::Erasure(erasures::Error::Needed { by, .. }) => *by,
            other => panic!("{other}"),
        };
        assert_eq!(found, by);
    }
    let said = because("a court asks").digest();
    let erased = erase(said).await.unwrap();
    assert!(!erased.before);
    assert_eq!(scene.documents_with("a court asks").await, 0);
    let again = erase(said).await.unwrap();
    assert_eq!((again.position, again.before), (erased.position, true));
    let refused = erase(ground().digest()).await.unwrap_err();
    assert!(matches!(refused, EraseError::Erasure(erasures::Error::Needed { by: NeededBy::Erasure, .. })));
    let unknown = erase(strongroom::kernel::digest::Digests::of(b"never there").blake3).await.unwrap_err();
    assert!(matches!(unknown, EraseError::Erasure(erasures::Error::DocumentUnknown(_))));

    // The hold stands, with nothing said about it; a selector of one that is over may go.
    let hold = holds::get(scene.node.control(), &officer.caller, &"case-1".parse().unwrap()).await.unwrap();
    assert_eq!((hold.statement, hold.hold.released.is_none()), (None, true));
    assert!(!kept(scene.erase(&reports(), digest).await).is_empty());
    let closed = because("closed");
    holds::release(scene.node.control(), &officer, &"case-1".parse().unwrap(), &closed).await.unwrap();
    erase(selected).await.unwrap();
    scene.erase(&reports(), digest).await.unwrap();
    let report = scene.audit(&[]).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    scene.node.stop().await;
}
