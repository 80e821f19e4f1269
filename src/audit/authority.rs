//! Who had the right to do what governs retention, by the tokens that the log knows.
//!
//! - An act of somebody needs a token of theirs that was minted before, allows it, and has not ended by then. Several people may
//!   use one name; the tokens of a name count together. An access token is narrower than its parent, which is the bound.
//! - A request that was let in while its token worked may be recorded a little later: see [`AUTHORITY_LAG_MS`].
//! - What the process does by itself it does as [`ITSELF`](crate::access::ITSELF), and so does a program that embeds it. That name
//!   may do everything, so an audit says nothing about it: whoever can append to the log as it can do as much.
//! - A token is worth what whoever minted it had: one that was minted by nobody who may, or wider than theirs, is a finding.
//!
//! Needs nothing but the records. Memory: some hundred bytes for each token.

use std::collections::HashMap;

use crate::access::{Action, ITSELF, RetentionRight, Scopes};
use crate::kernel::event::{Authority, Event, Fact, LockGround};
use crate::kernel::id::{Actor, TokenId};
use crate::kernel::limits::AUTHORITY_LAG_MS;

/// The tokens of everybody, as far as the log was read.
#[derive(Debug, Default)]
pub(super) struct Rights {
    tokens: HashMap<Actor, Vec<Token>>,
    subjects: HashMap<TokenId, Actor>,
}

#[derive(Debug)]
struct Token {
    token: TokenId,
    scopes: Scopes,
    /// When it expires or was revoked.
    ends_at_ms: u64,
}

impl Rights {
    /// What is wrong with an event, if it governs retention. Before [`Self::fold`].
    pub(super) fn check(&self, event: &Event) -> Vec<String> {
        let actor = &event.actor;
        if actor.as_str() == ITSELF {
            return Vec::new();
        }
        let scopes = self.scopes(actor, event.at_ms);
        let needed = needed(&event.fact);
        let mut found = Vec::new();
        if !needed.is_empty() && !needed.iter().any(|action| scopes.allows(*action)) {
            let names: Vec<String> = needed.iter().map(ToString::to_string).collect();
            let names = names.join(" or ");
            let what = about(&event.fact);
            found.push(format!("{actor} had no right to {what}: no token of theirs had {names} then"));
        }
        if let Fact::TokenMinted(minted) = &event.fact {
            let lacking = scopes.lacking(&read(&minted.scopes));
            if !lacking.is_empty() {
                found.push(format!(
                    "{actor} minted {} with {lacking}, which no token of theirs had",
                    minted.token
                ));
            }
        }
        found
    }

    /// What the tokens of a name allow at that time.
    fn scopes(&self, actor: &Actor, at_ms: u64) -> Scopes {
        let works = |token: &&Token| at_ms <= token.ends_at_ms.saturating_add(AUTHORITY_LAG_MS);
        let tokens = self.tokens.get(actor).into_iter().flatten().filter(works);
        tokens.fold(Scopes::default(), |all, token| all.union(token.scopes.clone()))
    }

    /// Takes note of an event.
    pub(super) fn fold(&mut self, event: &Event) {
        match &event.fact {
            Fact::TokenMinted(fact) => {
                let expires = fact.expires_at_seconds.map(|seconds| seconds.saturating_mul(1_000));
                self.subjects.insert(fact.token.clone(), fact.subject.clone());
                self.tokens.entry(fact.subject.clone()).or_default().push(Token {
                    token: fact.token.clone(),
                    scopes: read(&fact.scopes),
                    ends_at_ms: expires.unwrap_or(u64::MAX),
                });
            }
            Fact::TokenRevoked(fact) => {
                let of_subject =
                    self.subjects.get(&fact.token).and_then(|subject| self.tokens.get_mut(subject));
                for token in of_subject.into_iter().flatten().filter(|token| token.token == fact.token) {
                    token.ends_at_ms = token.ends_at_ms.min(event.at_ms);
                }
            }
            _ => {}
        }
    }
}

/// Scopes of another version of the grammar give nothing, as where tokens are checked.
fn read(texts: &[String]) -> Scopes {
    Scopes::parse(texts).unwrap_or_default()
}

/// Any one of these allows it; none: it is not about retention.
fn needed(fact: &Fact) -> Vec<Action<'_>> {
    let retention = |right| vec![Action::Retention(right)];
    match fact {
        Fact::ManifestDeleted(fact) => match &fact.authority {
            Authority::Actor { .. } => vec![Action::delete(&fact.repository)],
            Authority::Plan { .. } => retention(RetentionRight::Apply),
            Authority::Erasure { .. } => retention(RetentionRight::Erase),
        },
        Fact::LockExtended(fact) => match &fact.ground {
            LockGround::Actor { .. } => retention(RetentionRight::Lock),
            // With the package or the tag that it locks, or by a plan.
            LockGround::Rule { .. } => {
                vec![Action::push(&fact.repository), Action::Retention(RetentionRight::Apply)]
            }
        },
        // By itself, or because what it claimed is erased.
        Fact::PinReleased(fact) => {
            vec![Action::delete(&fact.repository), Action::Retention(RetentionRight::Erase)]
        }
        Fact::DocumentErased(_) => retention(RetentionRight::Erase),
        Fact::PinSet(fact) => vec![Action::push(&fact.repository)],
        Fact::ManifestTiered(_) | Fact::BlobMoved(_) => retention(RetentionRight::Apply),
        // By a collection, or with the package that is erased.
        Fact::BlobDeletionStarted(_) | Fact::BlobDeleted(_) => {
            vec![Action::Retention(RetentionRight::Apply), Action::Retention(RetentionRight::Erase)]
        }
        Fact::LockBypassed(_) => retention(RetentionRight::Bypass),
        Fact::HoldPlaced(_) | Fact::HoldReleased(_) => retention(RetentionRight::Hold),
        Fact::PlanSubmitted(_) => retention(RetentionRight::Plan),
        Fact::PlanApproved(_) => retention(RetentionRight::Approve),
        Fact::PlanApplied(_) => retention(RetentionRight::Apply),
        Fact::PolicySet(_) | Fact::PolicyRemoved(_) | Fact::TokenMinted(_) => vec![Action::Administer],
        _ => Vec::new(),
    }
}

/// What was done, with the package and the rule where there are such.
fn about(fact: &Fact) -> String {
    match fact {
        Fact::ManifestDeleted(fact) => {
            let package = format!("delete package {}@{}", fact.repository, fact.blake3);
            match &fact.authority {
                Authority::Actor { .. } => package,
                Authority::Erasure { .. } => format!("erase package {}@{}", fact.repository, fact.blake3),
                Authority::Plan { plan, policy, version, rule } => {
                    format!("{package} by plan {plan}, rule {policy}/{rule} of version {version}")
                }
            }
        }
        Fact::LockExtended(fact) => format!("lock package {}@{}", fact.repository, fact.blake3),
        Fact::LockBypassed(fact) => {
            format!("bypass the lock of package {}@{}", fact.repository, fact.blake3)
        }
        Fact::PinReleased(fact) => {
            format!("release pin {} of package {}@{}", fact.pin, fact.repository, fact.previous)
        }
        Fact::PinSet(fact) => {
            format!("set pin {} on package {}@{}", fact.pin, fact.repository, fact.manifest)
        }
        Fact::ManifestTiered(fact) => {
            format!("give package {}@{} tier {}", fact.repository, fact.blake3, fact.tier)
        }
        Fact::BlobMoved(fact) => format!("move blob {} to store {}", fact.blake3, fact.store),
        Fact::BlobDeletionStarted(fact) => format!("delete the bytes of blob {}", fact.blake3),
        Fact::BlobDeleted(fact) => format!("delete object {} of store {}", fact.object, fact.store),
        Fact::HoldPlaced(fact) => format!("place hold {}", fact.hold),
        Fact::HoldReleased(fact) => format!("release hold {}", fact.hold),
        Fact::PlanSubmitted(fact) => format!("submit plan {}", fact.plan),
        Fact::PlanApproved(fact) => format!("approve plan {}", fact.plan),
        Fact::PlanApplied(fact) => format!("apply plan {}", fact.plan),
        Fact::PolicySet(fact) => format!("set policy {}", fact.policy),
        Fact::PolicyRemoved(fact) => format!("remove policy {}", fact.policy),
        Fact::DocumentErased(fact) => format!("erase document {}", fact.document),
        Fact::TokenMinted(fact) => format!("mint token {}", fact.token),
        other => other.type_name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::kernel::digest::{Blake3, Digests, Sha256};
    use crate::kernel::event::{
        HoldReleased, LockBypassed, ManifestDeleted, PlanApplied, PlanApproved, TokenMinted, TokenRevoked,
    };
    use crate::kernel::id::EventId;

    const AT_MS: u64 = 10 * AUTHORITY_LAG_MS;

    fn event(actor: &str, at_ms: u64, fact: impl Into<Fact>) -> Event {
        let (id, fact) = (EventId(Uuid::nil()), fact.into());
        let actor = actor.parse().unwrap();
        Event { id, at_ms, actor, stream: fact.stream(), seq: 0, fact, cause: None }
    }

    fn token(n: u128) -> TokenId {
        TokenId::from_uuid(Uuid::from_u128(n))
    }

    fn minted(n: u128, subject: &str, scopes: &str, expires_at_seconds: Option<u64>) -> TokenMinted {
        let scopes: Scopes = scopes.parse().unwrap();
        TokenMinted {
            token: token(n),
            hash: Sha256::new([0; 32]),
            subject: subject.parse().unwrap(),
            scopes: scopes.to_texts(),
            expires_at_seconds,
        }
    }

    fn digest() -> Blake3 {
        Digests::of(b"1").blake3
    }

    fn deleted(authority: Authority) -> Fact {
        let Digests { blake3, sha256 } = Digests::of(b"1");
        let repository = "acme/a".parse().unwrap();
        ManifestDeleted { repository, blake3, sha256, size_bytes: 1, blobs: 1, blobs_bytes: 1, authority }
            .into()
    }

    fn by_word() -> Fact {
        deleted(Authority::Actor { statement: digest() })
    }

    /// What is found when `keeper` does that behind these events of the process itself.
    fn found(before: Vec<Fact>, at_ms: u64, fact: impl Into<Fact>) -> Vec<String> {
        let mut rights = Rights::default();
        before.into_iter().for_each(|fact| rights.fold(&event(ITSELF, 1_000, fact)));
        rights.check(&event("keeper", at_ms, fact))
    }

    #[test]
    fn each_act_needs_a_token_of_its_actor_with_the_right_and_no_other() {
        let (policy, rule) = ("weekly".parse().unwrap(), "old".parse().unwrap());
        let by_plan = deleted(Authority::Plan { plan: digest(), policy, version: 1, rule });
        let (hold, statement) = ("case".parse().unwrap(), digest());
        let released = HoldReleased { hold, statement }.into();
        let repository = "acme/a".parse().unwrap();
        let bypassed = LockBypassed { repository, blake3: digest(), until_ms: 1, statement }.into();
        let rows: [(Fact, &str, &str); 6] = [
            (by_word(), "repository:acme/*:delete", "repository:acme/*:pull,push retention:apply admin"),
            (by_plan, "retention:apply", "retention:plan,approve repository:*:delete"),
            (PlanApproved { plan: digest() }.into(), "retention:approve", "retention:plan,apply"),
            (PlanApplied { plan: digest() }.into(), "retention:apply", "retention:plan"),
            (released, "retention:hold", "retention:lock,bypass admin"),
            (bypassed, "retention:bypass", "retention:lock,hold admin"),
        ];
        for (fact, enough, other) in rows {
            let token = |subject, scopes| vec![minted(1, subject, scopes, None).into()];
            assert_eq!(found(token("keeper", enough), AT_MS, fact.clone()), [""; 0], "{fact:?}");
            for before in [token("keeper", other), token("somebody", enough), vec![]] {
                let told = found(before, AT_MS, fact.clone());
                assert!(told.len() == 1 && told[0].starts_with("keeper had no right to "), "{told:?}");
            }
        }
        let told = found(vec![], AT_MS, by_word());
        assert!(
            told[0].contains("acme/a@blake3:") && told[0].contains("repository:acme/a:delete"),
            "{told:?}"
        );
    }

    #[test]
    fn a_token_counts_until_it_expires_or_is_revoked_and_a_request_that_was_let_in_may_end() {
        let scopes = "repository:acme/a:delete";
        let end_ms = AT_MS;
        let expiring = || vec![minted(1, "keeper", scopes, Some(end_ms / 1_000)).into()];
        let mut rights = Rights::default();
        rights.fold(&event(ITSELF, 1, minted(1, "keeper", scopes, None)));
        rights.fold(&event("keeper", end_ms, TokenRevoked { token: token(1) }));
        for (at_ms, findings) in
            [(end_ms - 1, 0), (end_ms + AUTHORITY_LAG_MS, 0), (end_ms + AUTHORITY_LAG_MS + 1, 1)]
        {
            assert_eq!(found(expiring(), at_ms, by_word()).len(), findings, "{at_ms}");
            assert_eq!(rights.check(&event("keeper", at_ms, by_word())).len(), findings, "{at_ms}");
        }
        // Another token of that name goes on.
        rights.fold(&event(ITSELF, end_ms, minted(2, "keeper", scopes, None)));
        assert_eq!(rights.check(&event("keeper", u64::MAX, by_word())).len(), 0);
    }

    #[test]
    fn a_token_that_somebody_minted_beyond_their_right_is_found() {
        let admin = || vec![minted(1, "keeper", "admin repository:acme/*:pull", None).into()];
        assert_eq!(found(admin(), AT_MS, minted(2, "ci", "repository:acme/a:pull", None)), [""; 0]);
        assert!(
            found(admin(), AT_MS, minted(2, "ci", "retention:bypass", None))[0].contains("retention:bypass")
        );
        let uploader = vec![minted(1, "keeper", "repository:*:push", None).into()];
        assert!(found(uploader, AT_MS, minted(2, "ci", "repository:*:push", None))[0].contains("admin"));
    }

    #[test]
    fn the_process_itself_may_do_everything() {
        assert_eq!(Rights::default().check(&event(ITSELF, AT_MS, by_word())), [""; 0]);
    }
}
