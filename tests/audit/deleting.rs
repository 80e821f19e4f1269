//! Every deletion in the log was allowed where it stands: what was done by the rules is clean, and each way round them is named.

use strongroom::audit::{self, Depth, Report, Subject};
use strongroom::control::holds::{self, Place, Target};
use strongroom::control::policies::{self, Form};
use strongroom::control::{Precondition, deletions, locks, plans, retention, tokens};
use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::event::{
    Authority, Fact, HoldKind, LockBypassed, LockMode, ManifestDeleted, ManifestTiered, PlanApproved,
    PlanSubmitted, PolicySet,
};
use strongroom::kernel::id::RepositoryName;
use strongroom::kernel::manifest::{Header, Manifest};
use strongroom::kernel::statement::Statement;
use strongroom::kernel::tier::Tier;
use strongroom::log::NewEvent;
use strongroom::retention::FixedSelector;

use crate::plane::{Actor, Plane, by_digest, by_tag, descriptor, name};

pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
pub(crate) const GO: &str =
    "[[rules]]\nname = 'all'\nselect = { repository = 'acme/nightly' }\naction = 'delete'\n";

/// A log with people who have rights, and packages that a policy deletes.
pub(crate) struct Story {
    pub(crate) plane: Plane,
    pub(crate) ci: Actor,
    pub(crate) keeper: Actor,
    pub(crate) approver: Actor,
}

pub(crate) fn because(reason: &str) -> Statement {
    Statement::because(reason).expect("a reason")
}

pub(crate) fn nightly() -> RepositoryName {
    name("acme/nightly")
}

impl Story {
    pub(crate) async fn begin() -> Self {
        let plane = Plane::new().await;
        let ci = plane.actor("ci", "repository:acme/*:pull,push,delete").await;
        let all = "repository:*:pull retention:plan,apply,hold,lock,bypass admin";
        let keeper = plane.actor("keeper", all).await;
        let approver = plane.actor("approver", "retention:plan,approve").await;
        Self { plane, ci, keeper, approver }
    }

    /// A package with an annotation `case`.
    pub(crate) async fn deposit(&self, content: &str, case: &str) -> Blake3 {
        for bytes in [b"config".as_slice(), content.as_bytes()] {
            self.plane.store(&self.ci, "acme/nightly", bytes).await;
        }
        let annotations = [("case".to_owned(), case.to_owned())].into();
        let header = Header { annotations, ..Header::default() };
        let package = Manifest::new(header, descriptor(b"config"), vec![descriptor(content.as_bytes())]);
        let bytes = package.expect("a manifest").encode();
        self.ci
            .push("acme/nightly", &by_tag(content), &bytes, Precondition::Any)
            .await
            .expect("accepted")
            .digests
            .blake3
    }

    pub(crate) async fn policy(&self, text: &str) {
        let draft = Form::Toml.read(text).expect("a policy");
        let (control, context) = (&self.keeper.control, &self.keeper.context);
        policies::set(control, context, &"nightlies".parse().unwrap(), &draft).await.expect("set");
    }

    pub(crate) async fn submit(&self) -> Blake3 {
        let Actor { control, context } = &self.keeper;
        let planned = retention::plan(control, &context.caller, &[]).await.expect("planned");
        plans::submit(control, context, &planned.documents.to_sequence()).await.expect("submitted").plan
    }

    pub(crate) async fn hold(&self, hold: &str, target: Target) -> Result<(), holds::Error> {
        let (kind, statement) = (HoldKind::Litigation, because("asked"));
        let place = Place { hold: hold.parse().unwrap(), kind, target, statement };
        holds::place(&self.keeper.control, &self.keeper.context, &place).await.map(drop)
    }

    pub(crate) async fn delete(&self, digest: Blake3) -> Result<deletions::Deleted, deletions::Error> {
        let (repository, reference) = (nightly(), by_digest(digest));
        deletions::delete(&self.ci.control, &self.ci.context, &repository, &reference, &because("old")).await
    }

    /// Puts into the log what nobody allowed. The place of that event.
    async fn forge(&self, actor: &str, fact: impl Into<Fact>) -> String {
        let fact = fact.into();
        let position = self.plane.events().await.len();
        self.plane.append(NewEvent::new(actor.parse().expect("an actor"), fact.stream(), fact)).await;
        position.to_string()
    }

    async fn tombstone(&self, digest: Blake3, authority: Authority) -> ManifestDeleted {
        let events = self.plane.events().await;
        let accepted = events.into_iter().rev().find_map(|recorded| match recorded.event.fact {
            Fact::ManifestAccepted(fact) if fact.blake3 == digest => Some(fact),
            _ => None,
        });
        let accepted = accepted.expect("it was accepted");
        ManifestDeleted {
            repository: accepted.repository,
            blake3: digest,
            sha256: accepted.sha256,
            size_bytes: accepted.size_bytes,
            blobs: accepted.blobs,
            blobs_bytes: accepted.blobs_bytes,
            authority,
        }
    }

    async fn by_word(&self, digest: Blake3) -> ManifestDeleted {
        self.tombstone(digest, Authority::Actor { statement: because("old").digest() }).await
    }

    async fn by_plan(&self, digest: Blake3, plan: Blake3, rule: &str) -> ManifestDeleted {
        let (policy, rule) = ("nightlies".parse().unwrap(), rule.parse().unwrap());
        self.tombstone(digest, Authority::Plan { plan, policy, version: 1, rule }).await
    }

    pub(crate) async fn audit(&self) -> Report {
        let expected = audit::Expected { anchor: None, noted: &[] };
        let pool = self.plane.database.database.pool();
        audit::server::run(pool, expected, None, Depth::Quick, &|_| {}).await.expect("audited")
    }

    /// What is found about deletions, rights and documents. (No checkpoint is signed here.)
    pub(crate) async fn found(&self) -> Vec<(Subject, String, String)> {
        let of = |subject| matches!(subject, Subject::Deletion | Subject::Authority | Subject::Document);
        let found = self.audit().await.findings.into_iter().filter(|finding| of(finding.subject));
        found.map(|finding| (finding.subject, finding.at, finding.detail)).collect()
    }

    /// That exactly one thing is found: there, and said so.
    async fn finds(&self, subject: Subject, at: &str, said: &[&str]) {
        let found = self.found().await;
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!((found[0].0, found[0].1.as_str()), (subject, at), "{found:#?}");
        for said in said {
            assert!(found[0].2.contains(said), "no {said} in {found:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_by_word_and_by_plan_are_clean_and_were_compared_with_documents() {
    let story = Story::begin().await;
    let (one, two) = (story.deposit("one", "a").await, story.deposit("two", "b").await);
    let query = FixedSelector { annotations: [("case".into(), "b".into())].into(), ..Default::default() };
    story.hold("case-b", Target::Query(query)).await.unwrap();
    story.delete(one).await.unwrap();
    assert!(story.delete(two).await.is_err());
    let (third, hold) = (story.deposit("three", "c").await, "case-b".parse().unwrap());
    story.policy(&format!("limits = {{ packages = 9, approve = true }}\n{GO}")).await;
    let plan = story.submit().await;
    plans::approve(&story.approver.control, &story.approver.context, plan).await.unwrap();
    let Actor { control, context } = &story.keeper;
    assert_eq!(plans::apply(control, context, plan, 0).await.unwrap().deleted, 1, "{third} and not {two}");
    holds::release(control, context, &hold, &because("closed")).await.unwrap();
    // Came again, and is not what the plan was about: applying it once more leaves it alone.
    story.deposit("three", "c").await;
    let again = plans::apply(control, context, plan, 0).await.unwrap();
    assert_eq!((again.deleted, again.gone), (0, 1));
    story.delete(two).await.unwrap();
    assert_eq!(story.found().await, []);
    let report = story.audit().await;
    assert_eq!((report.deletions, report.deletions_by_documents, report.undecided_total), (3, 2, 0));
    story.plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_by_somebody_who_had_no_right_then_is_found() {
    let story = Story::begin().await;
    let one = story.deposit("one", "a").await;
    let tombstone = story.by_word(one).await;
    let at = story.forge("stranger", tombstone).await;
    let said = ["stranger had no right", "acme/nightly@blake3:", "repository:acme/nightly:delete"];
    story.finds(Subject::Authority, &at, &said).await;

    // A token that ended long before is none.
    let story = Story::begin().await;
    let one = story.deposit("one", "a").await;
    let token = story.ci.context.caller.token.clone().unwrap();
    tokens::revoke(&story.keeper.control, &story.keeper.context, &token).await.unwrap();
    story.plane.clock.advance_ms(60 * 60 * 1_000);
    let tombstone = story.by_word(one).await;
    let at = story.forge("ci", tombstone).await;
    story.finds(Subject::Authority, &at, &["ci had no right"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_submitted_approved_or_applied_by_the_wrong_one_is_found() {
    let story = Story::begin().await;
    let one = story.deposit("one", "a").await;
    story.policy(&format!("limits = {{ approve = true }}\n{GO}")).await;
    let plan = story.submit().await;
    // Somebody without the right approves; by itself that is found where it stands.
    let at = story.forge("ci", PlanApproved { plan }).await;
    story.finds(Subject::Authority, &at, &["ci had no right to approve plan", "retention:approve"]).await;
    let tombstone = story.by_plan(one, plan, "all").await;
    let applied = story.forge("approver", tombstone).await;
    let found = story.found().await;
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[1].1, applied);
    assert!(found[1].2.contains("rule nightlies/all of version 1") && found[1].2.contains("retention:apply"));

    let story = Story::begin().await;
    let one = story.deposit("one", "a").await;
    story.policy(&format!("limits = {{ approve = true }}\n{GO}")).await;
    let plan = story.submit().await;
    let tombstone = story.by_plan(one, plan, "all").await;
    let at = story.forge("keeper", tombstone).await;
    story.finds(Subject::Deletion, &at, &["nobody else approved", "nightlies/all"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_allows_what_it_names_for_the_rule_that_it_names_and_nothing_else() {
    let story = Story::begin().await;
    let one = story.deposit("one", "a").await;
    story.policy(GO).await;
    let plan = story.submit().await;
    let tombstone = story.by_plan(one, plan, "other").await;
    let at = story.forge("keeper", tombstone).await;
    story.finds(Subject::Deletion, &at, &["nightlies/other", "says so for nightlies/all of version 1"]).await;

    // Held when the plan was made, so the plan keeps it; the tombstone says that it deletes it.
    let story = Story::begin().await;
    let (one, _) = (story.deposit("one", "a").await, story.deposit("another", "a").await);
    story.hold("case", Target::Package(nightly(), by_digest(one))).await.unwrap();
    story.policy(GO).await;
    let plan = story.submit().await;
    let Actor { control, context } = &story.keeper;
    holds::release(control, context, &"case".parse().unwrap(), &because("closed")).await.unwrap();
    let tombstone = story.by_plan(one, plan, "all").await;
    let at = story.forge("keeper", tombstone).await;
    story
        .finds(Subject::Deletion, &at, &["the plan does not say so", "nightlies/all", "acme/nightly@"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_is_one_that_a_plan_gave_and_by_somebody_who_may_apply() {
    let cold = GO.replace("'delete'", "{ tier = 'cold' }");
    let story = Story::begin().await;
    let one = story.deposit("one", "a").await;
    story.policy(&cold).await;
    let plan = story.submit().await;
    let Actor { control, context } = &story.keeper;
    assert_eq!(plans::apply(control, context, plan, 0).await.unwrap().tiered, 1);
    assert_eq!(story.found().await, []);
    let tiered = |tier| ManifestTiered {
        repository: nightly(),
        blake3: one,
        tier,
        plan,
        policy: "nightlies".parse().unwrap(),
        version: 1,
        rule: "all".parse().unwrap(),
    };
    // The plan says cold; and who may push may not say so.
    let warm = story.forge("keeper", tiered(Tier::Warm)).await;
    story.finds(Subject::Deletion, &warm, &["given tier warm", "the plan does not say so"]).await;
    let again = story.forge("ci", tiered(Tier::Cold)).await;
    let found = story.found().await;
    assert_eq!(found.len(), 2, "{found:#?}");
    let of_ci = found.iter().find(|(subject, ..)| *subject == Subject::Authority).unwrap();
    assert_eq!(of_ci.1, again);
    assert!(of_ci.2.contains("ci had no right to give package acme/nightly@"), "{of_ci:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_says_something_else_than_the_plan_is_found() {
    let story = Story::begin().await;
    let one = story.deposit("one", "a").await;
    story.policy(&format!("limits = {{ approve = true }}\n{GO}")).await;
    let Actor { control, context } = &story.keeper;
    let planned = retention::plan(control, &context.caller, &[]).await.unwrap();
    // The documents come by a plan that was submitted and is not applied; another event says that nobody has to approve.
    let plan = planned.documents.digest();
    let pool = story.plane.database.database.pool();
    let documents: Vec<(&str, &[u8])> = [planned.documents.header.as_slice()]
        .into_iter()
        .chain(planned.documents.parts.iter().map(Vec::as_slice))
        .map(|bytes| ("application/octet-stream", bytes))
        .collect();
    strongroom::log::documents::put(pool, &documents).await.unwrap();
    let totals = planned.plan.totals();
    let (at_size, deletions, bytes) = (planned.plan.made.position, totals.deletions, totals.bytes);
    story.forge("keeper", PlanSubmitted { plan, at_size, deletions, bytes, locks: 0, approve: false }).await;
    let tombstone = story.by_plan(one, plan, "all").await;
    let at = story.forge("keeper", tombstone).await;
    story.finds(Subject::Deletion, &at, &["does not come to what was submitted"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hold_on_a_query_covered_by_annotations_is_found() {
    let story = Story::begin().await;
    let (one, two) = (story.deposit("one", "a").await, story.deposit("two", "b").await);
    let query = FixedSelector { annotations: [("case".into(), "a".into())].into(), ..Default::default() };
    story.hold("case-a", Target::Query(query)).await.unwrap();
    story.delete(two).await.unwrap();
    assert_eq!(story.found().await, []);
    let tombstone = story.by_word(one).await;
    let at = story.forge("ci", tombstone).await;
    story.finds(Subject::Deletion, &at, &["kept by hold case-a", "acme/nightly@blake3:"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_lost_document_could_tell_is_undecided_and_not_clean() {
    let story = Story::begin().await;
    let one = story.deposit("one", "b").await;
    let query = FixedSelector { annotations: [("case".into(), "a".into())].into(), ..Default::default() };
    story.hold("case-a", Target::Query(query)).await.unwrap();
    story.delete(one).await.unwrap();
    let forget = format!(
        "set session_replication_role = replica; alter table log.documents disable trigger all; \
         delete from log.documents where blake3 = '\\x{}'",
        hex::encode(one.as_bytes())
    );
    let mut owner = story.plane.database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(forget)).execute(&mut owner).await.unwrap();
    let report = story.audit().await;
    assert_eq!(report.undecided_total, 1, "{report:#?}");
    assert!(report.undecided[0].detail.contains("hold case-a stood, which asks for annotations"));
    assert!(!report.is_decided());
    // That it is missing is a finding of its own: nothing erased it.
    let found = story.found().await;
    assert!(found.len() == 1 && found[0].0 == Subject::Document, "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_nobody_who_may_and_a_bypass_without_the_right_are_found() {
    let story = Story::begin().await;
    let one = story.deposit("one", "a").await;
    let document = Digests::of(b"never written").blake3;
    let at = story.forge("ci", PolicySet { policy: "own".parse().unwrap(), version: 1, document }).await;
    let found = story.found().await;
    assert_eq!(found.len(), 2, "its document is missing too: {found:#?}");
    assert!(found.iter().any(|(subject, place, _)| (*subject, place) == (Subject::Authority, &at)));

    let story = Story::begin().await;
    let (digest, until_ms) = (story.deposit("one", "a").await, story.plane.now_ms() + DAY_MS);
    assert_eq!(digest, one);
    let Actor { control, context } = &story.keeper;
    let (mode, said) = (LockMode::Governance, because("kept"));
    locks::extend(control, context, &nightly(), &by_digest(one), mode, until_ms, &said).await.unwrap();
    let bypass = LockBypassed { repository: nightly(), blake3: one, until_ms, statement: said.digest() };
    let at = story.forge("ci", bypass).await;
    story.finds(Subject::Authority, &at, &["ci had no right to bypass the lock", "retention:bypass"]).await;
}
