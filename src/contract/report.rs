//! A report: the data plane states what came of an order.
//!
//! ```text
//! claims = { "aud": "strongroom-control", "order": uuid, "node": text, "store": text, "object": text, "at": ms,
//!            "task": "verify" / "delete", "outcome": "done" / "failed" / "corrupt" / "missing",
//!            ? "blake3": digest, ? "reason": text,
//!            ? "found": { "size": uint, ? "blake3": digest, ? "sha256": digest } }
//! ```
//! | outcome | of `verify` | of `delete` |
//! |---|---|---|
//! | `done` | the object has both digests and the size | it is not there any more |
//! | `corrupt` | it is there, and has not; `found` is what it has | |
//! | `missing` | it is not there | |
//! | `failed` | nothing is known: the store did not answer; `reason` says why | the same |
//!
//! - A report of `verify` names the blob that the object was to be, so that it is evidence by itself: it stands inside
//!   `blob.corrupt` for years, where [`Report::decode`] asks for the signature only.
//! - It says nothing but what was seen at that time.

use serde::{Deserialize, Serialize};

use super::Error;
use super::jws::{self, Kind};
use super::keys::{KeyRing, SigningKey};
use crate::kernel::digest::{Blake3, Digests, Sha256};
use crate::kernel::event::KeyKind;
use crate::kernel::id::{KeyId, NodeName, ObjectKey, OrderId, StoreName};
use crate::kernel::limits::{CLOCK_SKEW_SECONDS, REPORT_LIFE_SECONDS, REPORT_REASON_MAX_BYTES};

/// `aud`: the plane that reads reports.
const AUDIENCE: &str = "strongroom-control";

const KIND: Kind = Kind { typ: "strongroom-report+jwt", name: "report", key: KeyKind::Report };

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of which.
    pub order: OrderId,
    /// The node that did it and signs.
    pub node: NodeName,
    /// The store of the object.
    pub store: StoreName,
    /// The object.
    pub object: ObjectKey,
    /// When that was seen, ms since the epoch.
    pub at_ms: u64,
    /// What was to be done.
    pub task: Reported,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// The reading of an object that was to be this blob.
    Verify(Blake3),
    /// A deletion.
    Delete,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is as the order said.
    Done,
    /// The object has other bytes.
    Corrupt(Found),
    /// There is no such object.
    Missing,
    /// Nothing is known.
    Failed(String),
}

/// What was found in the place of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// How many bytes.
    pub size_bytes: u64,
    /// Their digests; none if they were not read, since there are too few or too many.
    pub digests: Option<Digests>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    aud: String,
    order: OrderId,
    node: NodeName,
    store: StoreName,
    object: ObjectKey,
    at: u64,
    task: String,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    blake3: Option<Blake3>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<FoundClaims>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundClaims {
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    blake3: Option<Blake3>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
}

impl Report {
    /// As a signed statement. A reason is cut to [`REPORT_REASON_MAX_BYTES`].
    ///
    /// # Panics
    /// If the key is not a report key.
    pub fn sign(&self, key: &SigningKey) -> String {
        let (task, blake3) = match self.task {
            Reported::Verify(blob) => ("verify", Some(blob)),
            Reported::Delete => ("delete", None),
        };
        let (outcome, reason, found) = match &self.outcome {
            Outcome::Done => ("done", None, None),
            Outcome::Missing => ("missing", None, None),
            Outcome::Failed(reason) => ("failed", Some(cut(reason)), None),
            Outcome::Corrupt(found) => ("corrupt", None, Some(FoundClaims::of(found))),
        };
        let claims = Claims {
            aud: AUDIENCE.into(),
            order: self.order,
            node: self.node.clone(),
            store: self.store.clone(),
            object: self.object.clone(),
            at: self.at_ms,
            task: task.into(),
            outcome: outcome.into(),
            blake3,
            reason,
            found,
        };
        jws::sign(&KIND, &claims, key)
    }

    /// Reads a signed report and checks all of it, at this time (ms since the epoch).
    ///
    /// # Errors
    /// With what is wrong.
    pub fn verify(text: &str, keys: &KeyRing, now_ms: u64) -> Result<Self, Error> {
        let report = Self::decode(text, keys)?;
        let (at_seconds, now_seconds) = (report.at_ms / 1_000, now_ms / 1_000);
        if at_seconds > now_seconds.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Error::Malformed("seen in the future"));
        }
        let old_at = at_seconds.saturating_add(REPORT_LIFE_SECONDS);
        if now_seconds > old_at.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Error::Expired(now_seconds - old_at));
        }
        Ok(report)
    }

    /// Reads a signed report and checks who signed it, whenever that was: for evidence in the log.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn decode(text: &str, keys: &KeyRing) -> Result<Self, Error> {
        let (claims, key) = jws::open::<Claims>(&KIND, text, keys)?;
        if claims.aud != AUDIENCE {
            return Err(Error::WrongAudience(AUDIENCE));
        }
        if key.retired_at_ms().is_some_and(|at_ms| claims.at > at_ms) {
            return Err(Error::RetiredKey(key.id()));
        }
        let task = match (claims.task.as_str(), claims.blake3) {
            ("verify", Some(blob)) => Reported::Verify(blob),
            ("delete", None) => Reported::Delete,
            _ => return Err(Error::Malformed("a task is verify, of a blob, or delete")),
        };
        let outcome = match (claims.outcome.as_str(), claims.reason, claims.found, task) {
            ("done", None, None, _) => Outcome::Done,
            ("missing", None, None, Reported::Verify(_)) => Outcome::Missing,
            ("corrupt", None, Some(found), Reported::Verify(_)) => Outcome::Corrupt(found.read()?),
            ("failed", Some(reason), None, _) if reason.len() <= REPORT_REASON_MAX_BYTES => {
                Outcome::Failed(reason)
            }
            _ => return Err(Error::Malformed("an outcome is done, failed, corrupt or missing")),
        };
        Ok(Self {
            order: claims.order,
            node: claims.node,
            store: claims.store,
            object: claims.object,
            at_ms: claims.at,
            task,
            outcome,
        })
    }

    /// The key that signed a report which was verified: its node must be the one that the report names.
    ///
    /// # Errors
    /// If it is no report.
    pub fn signer(verified: &str) -> Result<KeyId, Error> {
        jws::named_key(verified)
    }
}

impl FoundClaims {
    fn of(found: &Found) -> Self {
        Self {
            size: found.size_bytes,
            blake3: found.digests.map(|digests| digests.blake3),
            sha256: found.digests.map(|digests| digests.sha256),
        }
    }

    fn read(self) -> Result<Found, Error> {
        let digests = match (self.blake3, self.sha256) {
            (Some(blake3), Some(sha256)) => Some(Digests { blake3, sha256 }),
            (None, None) => None,
            _ => return Err(Error::Malformed("both digests, or none")),
        };
        Ok(Found { size_bytes: self.size, digests })
    }
}

/// What may stand in a statement of bounded length: the beginning, in characters.
fn cut(reason: &str) -> String {
    let mut end = reason.len().min(REPORT_REASON_MAX_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW_MS: u64 = 1_790_000_000_000;

    fn report(outcome: Outcome) -> Report {
        Report {
            order: OrderId(Uuid::from_u128(1)),
            node: "node-1".parse().unwrap(),
            store: "main".parse().unwrap(),
            object: ObjectKey::from_uuid(Uuid::from_u128(2)),
            at_ms: NOW_MS,
            task: Reported::Verify(Digests::of(b"x").blake3),
            outcome,
        }
    }

    fn corrupt() -> Outcome {
        Outcome::Corrupt(Found { size_bytes: 1, digests: Some(Digests::of(b"y")) })
    }

    #[test]
    fn an_old_report_is_refused_but_stays_evidence() {
        let key = SigningKey::generate(KeyKind::Report);
        let ring = KeyRing::of([key.verifying_key()]);
        let text = report(corrupt()).sign(&key);
        assert_eq!(Report::verify(&text, &ring, NOW_MS), Ok(report(corrupt())));
        let late_ms = NOW_MS + (REPORT_LIFE_SECONDS + CLOCK_SKEW_SECONDS + 1) * 1_000;
        assert_eq!(Report::verify(&text, &ring, late_ms), Err(Error::Expired(CLOCK_SKEW_SECONDS + 1)));
        assert_eq!(Report::decode(&text, &ring), Ok(report(corrupt())));
        assert_eq!(Report::signer(&text), Ok(key.id()));
    }

    #[test]
    fn every_outcome_comes_out_as_it_went_in() {
        let key = SigningKey::generate(KeyKind::Report);
        let ring = KeyRing::of([key.verifying_key()]);
        let short = Outcome::Corrupt(Found { size_bytes: 0, digests: None });
        for outcome in [Outcome::Done, corrupt(), short, Outcome::Missing, Outcome::Failed("no".into())] {
            let report = report(outcome);
            assert_eq!(Report::verify(&report.sign(&key), &ring, NOW_MS), Ok(report));
        }
    }

    #[test]
    fn a_deletion_finds_nothing_corrupt() {
        let key = SigningKey::generate(KeyKind::Report);
        let ring = KeyRing::of([key.verifying_key()]);
        for outcome in [corrupt(), Outcome::Missing] {
            let text = Report { task: Reported::Delete, ..report(outcome) }.sign(&key);
            assert!(matches!(Report::decode(&text, &ring), Err(Error::Malformed(_))));
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let key = SigningKey::generate(KeyKind::Report);
        let ring = KeyRing::of([key.verifying_key()]);
        let text = report(Outcome::Failed("ä".repeat(REPORT_REASON_MAX_BYTES))).sign(&key);
        let Outcome::Failed(reason) = Report::decode(&text, &ring).unwrap().outcome else { panic!("failed") };
        assert!(reason.len() > REPORT_REASON_MAX_BYTES - 2 && reason.chars().all(|c| c == 'ä'));
    }
}
