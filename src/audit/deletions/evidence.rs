//! Deletions and tiers against the documents that they stand on: the plan that allowed one, and the selectors of the holds of
//! that time.
//!
//! - The documents of a plan are those of its digest, come to what was submitted, and say what was done to that package, by that
//!   policy, version and rule. Its policies are those that the log had then, the rule says that, and the plan's limits are theirs.
//! - A hold on a query is evaluated against what the package was: media type, artifact type and time of its acceptance from its event,
//!   annotations from its manifest.
//! - What a document would say that was erased, or is lost or damaged, *cannot be decided*: it is told apart, neither clean nor a
//!   finding. A package that a selector matches in all but annotations that nobody knows any more is such a case.
//!
//! Asked page by page as the log is read. Memory: one plan at a time, about 200 bytes an item.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::question::{AuthorizedBy, Question};
use crate::audit::log::Verifier;
use crate::audit::report::Subject;
use crate::kernel::digest::Blake3;
use crate::kernel::event::PlanSubmitted;
use crate::kernel::id::RepositoryName;
use crate::kernel::manifest::{self, Document};
use crate::log::documents;
use crate::retention::plan::{Header, PolicyAt, RuleOf, What};
use crate::retention::policy::{Action, Limits, Rule};
use crate::retention::{FixedSelector, Match, Plan, Policy, Properties};

/// What was read of documents, kept from page to page.
#[derive(Debug, Default)]
pub(in crate::audit) struct Evidence {
    /// The plan that was read last.
    plan: Option<(Blake3, Result<Known, Unknown>)>,
    /// Plans about which all was said that is wrong with them as a whole.
    told: HashSet<Blake3>,
    selectors: HashMap<Blake3, Option<FixedSelector>>,
}

/// A plan, as far as deletions and tiers ask.
#[derive(Debug)]
struct Known {
    policies: Vec<PolicyAt>,
    /// Rules of each policy that delete or tier; none: its document cannot be read.
    rules: Vec<Option<HashSet<(What, String)>>>,
    says: HashMap<(RepositoryName, Blake3, What), RuleOf>,
    /// What is wrong with it as a whole.
    wrong: Vec<String>,
}

/// Why a plan is not known.
#[derive(Debug, Clone)]
enum Unknown {
    /// A document of it is not there.
    Missing(Blake3),
    /// It is none.
    Wrong(String),
}

/// What came of a question.
enum Answer {
    Clean,
    Found(String),
    Undecided(String),
}

impl Evidence {
    /// Answers what the verifier could not by events alone.
    pub(in crate::audit) async fn settle(
        &mut self,
        connection: &mut PgConnection,
        verifier: &mut Verifier,
    ) -> Result<(), sqlx::Error> {
        let mut questions = verifier.questions();
        // Steps of several plans may be mixed; each is read once a page.
        questions.sort_by_key(|question| question.by.as_ref().map(|by| by.plan));
        for question in questions {
            let mut answers = self.holds(connection, &question).await?;
            if let Some(by) = &question.by {
                answers.extend(self.by_plan(connection, &question, by).await?);
            }
            let report = verifier.report_mut();
            report.deletions_by_documents += u64::from(question.what == What::Delete);
            for answer in answers {
                match answer {
                    Answer::Clean => {}
                    Answer::Found(detail) => report.find(Subject::Deletion, question.position, detail),
                    Answer::Undecided(detail) => {
                        report.cannot_decide(Subject::Deletion, question.position, detail);
                    }
                }
            }
        }
        Ok(())
    }

    async fn by_plan(
        &mut self,
        connection: &mut PgConnection,
        question: &Question,
        by: &AuthorizedBy,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        if self.plan.as_ref().is_none_or(|(plan, _)| *plan != by.plan) {
            self.plan = Some((by.plan, load(connection, &by.submitted).await?));
        }
        let first = self.told.insert(by.plan);
        let Some((_, found)) = &self.plan else { return Ok(Vec::new()) };
        Ok(match found {
            Err(Unknown::Missing(document)) => vec![Answer::Undecided(format!(
                "{} by plan {}, whose document {document} is not there",
                question.told(),
                by.plan
            ))],
            Err(Unknown::Wrong(reason)) => vec![Answer::Found(format!(
                "{} by plan {}, which is none: {reason}",
                question.told(),
                by.plan
            ))],
            Ok(known) => {
                let mut answers = Vec::new();
                if first {
                    let told = |wrong: &String| Answer::Found(format!("plan {}: {wrong}", by.plan));
                    answers.extend(known.wrong.iter().map(told));
                }
                answers.push(known.names(question, by));
                answers
            }
        })
    }

    async fn holds(
        &mut self,
        connection: &mut PgConnection,
        question: &Question,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        let mut answers = Vec::new();
        let mut annotations: Option<Option<manifest::Annotations>> = None;
        for (hold, selector) in &question.holds {
            if !self.selectors.contains_key(selector) {
                let read = read(connection, *selector).await?;
                let read = read.and_then(|bytes| FixedSelector::decode(&bytes).ok());
                self.selectors.insert(*selector, read);
            }
            let Some(selects) = &self.selectors[selector] else {
                let detail =
                    format!("what hold {hold} covered is not known: its selector {selector} is not there");
                answers.push(Answer::Undecided(format!("{}, and {detail}", question.told())));
                continue;
            };
            let mut found = selects.matches(&question.properties(None));
            if found == Match::Unknown {
                if annotations.is_none() {
                    let document = read(connection, question.manifest).await?;
                    let document = document.and_then(|bytes| Document::decode(&bytes).ok());
                    annotations = Some(document.map(|document| document.header().annotations.clone()));
                }
                found = selects.matches(&question.properties(annotations.as_ref().and_then(Option::as_ref)));
            }
            answers.push(match found {
                Match::No => Answer::Clean,
                Match::Yes => Answer::Found(format!("{}, and was kept by hold {hold}", question.told())),
                Match::Unknown => Answer::Undecided(format!(
                    "{} while hold {hold} stood, which asks for annotations; its manifest is not there",
                    question.told()
                )),
            });
        }
        Ok(answers)
    }
}

impl Question {
    /// What was done to which package.
    fn told(&self) -> String {
        let did = match self.what {
            What::Tier(tier) => format!("given tier {tier}"),
            _ => "deleted".to_owned(),
        };
        format!("package {}@{} was {did}", self.repository, self.manifest)
    }

    fn properties<'a>(&'a self, annotations: Option<&'a manifest::Annotations>) -> Properties<'a> {
        Properties {
            repository: &self.repository,
            media_type: &self.media_type,
            artifact_type: self.artifact_type.as_deref(),
            annotations,
            accepted_at_ms: self.accepted_at_ms,
        }
    }
}

impl Known {
    /// Whether the plan says of that package what its event says.
    fn names(&self, question: &Question, by: &AuthorizedBy) -> Answer {
        let said = format!(
            "{} by plan {} for rule {}/{} of version {}",
            question.told(),
            by.plan,
            by.policy,
            by.rule,
            by.version
        );
        let key = (question.repository.clone(), question.manifest, question.what);
        let Some(of) = self.says.get(&key) else {
            return Answer::Found(format!("{said}, and the plan does not say so"));
        };
        let at = usize::try_from(of.policy).unwrap_or(usize::MAX);
        let Some(policy) = self.policies.get(at) else {
            return Answer::Found(format!("{said}, and the plan names no such policy"));
        };
        if (&policy.policy, policy.version, &of.rule) != (&by.policy, by.version, &by.rule) {
            let (policy, version) = (&policy.policy, policy.version);
            return Answer::Found(format!(
                "{said}, and the plan says so for {policy}/{} of version {version}",
                of.rule
            ));
        }
        if by.document.is_some_and(|document| document != policy.document) {
            return Answer::Found(format!(
                "{said}, and the plan was made from another document of that version"
            ));
        }
        match &self.rules[at] {
            None => Answer::Undecided(format!(
                "{said}, and the policy's document {} is not there",
                policy.document
            )),
            Some(rules) if rules.contains(&(question.what, by.rule.as_str().to_owned())) => Answer::Clean,
            Some(_) => Answer::Found(format!("{said}, and the policy has no such rule that does so")),
        }
    }
}

/// A plan from its documents, and what is wrong with it as a whole.
async fn load(
    connection: &mut PgConnection,
    submitted: &PlanSubmitted,
) -> Result<Result<Known, Unknown>, sqlx::Error> {
    let Some(header) = read(connection, submitted.plan).await? else {
        return Ok(Err(Unknown::Missing(submitted.plan)));
    };
    let listed = match Header::decode(&header) {
        Ok(header) => header.parts,
        Err(error) => return Ok(Err(Unknown::Wrong(error.to_string()))),
    };
    let mut parts = Vec::with_capacity(listed.len());
    for part in listed {
        match read(connection, part).await? {
            Some(bytes) => parts.push(bytes),
            None => return Ok(Err(Unknown::Missing(part))),
        }
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let plan = match Plan::of_documents(&header, &parts) {
        Ok(plan) => plan,
        Err(error) => return Ok(Err(Unknown::Wrong(error.to_string()))),
    };
    let mut policies = Vec::with_capacity(plan.policies.len());
    for policy in &plan.policies {
        let document = read(connection, policy.document).await?;
        policies.push(document.and_then(|bytes| Policy::decode(&bytes).ok()));
    }
    Ok(Ok(known(plan, &policies, submitted)))
}

fn known(plan: Plan, policies: &[Option<Policy>], submitted: &PlanSubmitted) -> Known {
    let mut wrong = Vec::new();
    let totals = plan.totals();
    let said = (submitted.at_size, submitted.deletions, submitted.bytes, submitted.locks, submitted.approve);
    if said != (plan.made.position, totals.deletions, totals.bytes, totals.locks, plan.limits.approve) {
        wrong.push("it does not come to what was submitted".to_owned());
    }
    let over = |limit: Option<u64>, found: u64| limit.is_some_and(|limit| found > limit);
    if over(plan.limits.packages, totals.deletions) || over(plan.limits.bytes, totals.bytes) {
        wrong.push("it deletes more than its limits allow".to_owned());
    }
    let acting: Vec<_> = plan.policies.iter().zip(policies).filter(|(at, _)| at.acts).collect();
    let limits = acting.iter().try_fold(Limits::default(), |limits, (_, policy)| {
        policy.as_ref().map(|policy| limits.and(policy.limits))
    });
    if limits.is_some_and(|limits| limits != plan.limits) {
        wrong.push("its limits are not those of its policies".to_owned());
    }
    let doing = |policy: &Policy| {
        let rule = |rule: &Rule| Some((what(rule.action)?, rule.name.as_str().to_owned()));
        policy.rules.iter().filter_map(rule).collect()
    };
    let is_done = |what: What| matches!(what, What::Delete | What::Tier(_));
    let done = plan.items.into_iter().filter(|item| is_done(item.what));
    Known {
        rules: policies.iter().map(|policy| policy.as_ref().map(doing)).collect(),
        says: done.map(|item| ((item.repository, item.digest, item.what), item.rule)).collect(),
        policies: plan.policies,
        wrong,
    }
}

/// What a rule does to a package, where an event says that it was done.
fn what(action: Action) -> Option<What> {
    match action {
        Action::Delete => Some(What::Delete),
        Action::Tier(tier) => Some(What::Tier(tier)),
        Action::Keep | Action::Lock { .. } => None,
    }
}

/// A document that is there and is what its address says. What is damaged is found where all documents are looked at.
async fn read(connection: &mut PgConnection, digest: Blake3) -> Result<Option<Vec<u8>>, sqlx::Error> {
    match documents::get_many(connection, &[digest]).await {
        Ok(found) => Ok(found.into_iter().next().map(|document| document.bytes.to_vec())),
        Err(documents::Error::Database(error)) => Err(error),
        Err(documents::Error::Damaged(_) | documents::Error::TooLarge(_)) => Ok(None),
    }
}
