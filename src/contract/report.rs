//! A report: the data plane states what came of an order.
//!
//! ```text
//! claims = { "aud": "strongroom-control", "order": uuid, "node": text, "store": text, "object": text, "at": ms,
//!            "task": "verify" / "delete" / "move" / "restore",
//!            "outcome": "done" / "failed" / "corrupt" / "missing" / "archived" / "restoring" / "available",
//!            ? "blake3": digest, ? "to_store": text, ? "to_object": text, ? "reason": text,
//!            ? "found": { "size": uint, ? "blake3": digest, ? "sha256": digest }, ? "until": ms }
//! ```
//! | outcome | of `verify` | of `delete` | of `move` | of `restore` |
//! |---|---|---|---|---|
//! | `done` | the object has both digests and the size | it is not there any more | the copy is there, durable, with both digests | |
//! | `corrupt` | it is there, and has not; `found` is what it has | | the same; there is no copy | |
//! | `missing` | it is not there | | the same; there is no copy | it is not there |
//! | `archived` | it is there with its size, and cannot be read before it is restored | | the same; there is no copy | |
//! | `restoring` | | | | it was asked for, and is not readable yet |
//! | `available` | | | | it can be read, up to `until`; without one, always |
//! | `failed` | nothing is known: the store did not answer; `reason` says why | the same | the same | the same |
//!
//! - A report of `verify` names the blob that the object was to be, so that it is evidence by itself: it stands inside
//!   `blob.corrupt` for years, where [`Report::decode`] asks for the signature only. So does one of `move`, with where the
//!   copy lies.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// The reading of an object that was to be this blob.
    Verify(Blake3),
    /// A deletion.
    Delete,
    /// The copying of an object that was to be this blob.
    Move {
        /// The blob.
        blake3: Blake3,
        /// The store of the copy.
        to_store: StoreName,
        /// Its key.
        to_object: ObjectKey,
    },
    /// A restoration.
    Restore,
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
    /// It is there, and cannot be read before it is restored.
    Archived,
    /// It is being restored: ask again.
    Restoring,
    /// It can be read.
    Available {
        /// Until when, ms since the epoch; none: always.
        until_ms: Option<u64>,
    },
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
    to_store: Option<StoreName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_object: Option<ObjectKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<FoundClaims>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
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
        let (task, blake3, to) = match &self.task {
            Reported::Verify(blob) => ("verify", Some(*blob), None),
            Reported::Delete => ("delete", None, None),
            Reported::Move { blake3, to_store, to_object } => {
                ("move", Some(*blake3), Some((to_store.clone(), to_object.clone())))
            }
            Reported::Restore => ("restore", None, None),
        };
        let (to_store, to_object) = to.unzip();
        let (outcome, reason, found, until) = match &self.outcome {
            Outcome::Done => ("done", None, None, None),
            Outcome::Missing => ("missing", None, None, None),
            Outcome::Archived => ("archived", None, None, None),
            Outcome::Restoring => ("restoring", None, None, None),
            Outcome::Available { until_ms } => ("available", None, None, *until_ms),
            Outcome::Failed(reason) => ("failed", Some(cut(reason)), None, None),
            Outcome::Corrupt(found) => ("corrupt", None, Some(FoundClaims::of(found)), None),
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
            to_store,
            to_object,
            reason,
            found,
            until,
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
        let task = claims.task()?;
        let outcome = claims.outcome(&task)?;
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

impl Claims {
    fn task(&self) -> Result<Reported, Error> {
        match (self.task.as_str(), self.blake3, &self.to_store, &self.to_object) {
            ("verify", Some(blob), None, None) => Ok(Reported::Verify(blob)),
            ("delete", None, None, None) => Ok(Reported::Delete),
            ("move", Some(blake3), Some(to_store), Some(to_object)) => {
                Ok(Reported::Move { blake3, to_store: to_store.clone(), to_object: to_object.clone() })
            }
            ("restore", None, None, None) => Ok(Reported::Restore),
            _ => Err(Error::Malformed("a task is verify or move, of a blob, delete or restore")),
        }
    }

    fn outcome(&self, task: &Reported) -> Result<Outcome, Error> {
        let is_read = matches!(task, Reported::Verify(_) | Reported::Move { .. });
        let is_restore = *task == Reported::Restore;
        match (self.outcome.as_str(), &self.reason, &self.found, self.until) {
            ("done", None, None, None) if !is_restore => Ok(Outcome::Done),
            ("missing", None, None, None) if is_read || is_restore => Ok(Outcome::Missing),
            ("archived", None, None, None) if is_read => Ok(Outcome::Archived),
            ("corrupt", None, Some(found), None) if is_read => Ok(Outcome::Corrupt(found.read()?)),
            ("restoring", None, None, None) if is_restore => Ok(Outcome::Restoring),
            ("available", None, None, until_ms) if is_restore => Ok(Outcome::Available { until_ms }),
            ("failed", Some(reason), None, None) if reason.len() <= REPORT_REASON_MAX_BYTES => {
                Ok(Outcome::Failed(reason.clone()))
            }
            _ => Err(Error::Malformed("no such outcome of such a task")),
        }
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

    fn read(&self) -> Result<Found, Error> {
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

    /// One of each.
    fn outcomes() -> Vec<Outcome> {
        vec![
            Outcome::Done,
            corrupt(),
            Outcome::Corrupt(Found { size_bytes: 0, digests: None }),
            Outcome::Missing,
            Outcome::Archived,
            Outcome::Restoring,
            Outcome::Available { until_ms: None },
            Outcome::Available { until_ms: Some(NOW_MS) },
            Outcome::Failed("no".into()),
        ]
    }

    fn moved() -> Reported {
        let to_object = ObjectKey::from_uuid(Uuid::from_u128(3));
        Reported::Move { blake3: Digests::of(b"x").blake3, to_store: "cold".parse().unwrap(), to_object }
    }

    #[test]
    fn every_outcome_of_a_task_comes_out_as_it_went_in_and_no_other() {
        let key = SigningKey::generate(KeyKind::Report);
        let ring = KeyRing::of([key.verifying_key()]);
        let of_reading: &[&str] = &["Done", "Corrupt", "Missing", "Archived", "Failed"];
        for (task, good) in [
            (Reported::Verify(Digests::of(b"x").blake3), of_reading),
            (moved(), of_reading),
            (Reported::Delete, &["Done", "Failed"]),
            (Reported::Restore, &["Missing", "Restoring", "Available", "Failed"]),
        ] {
            for outcome in outcomes() {
                let is_good = good.iter().any(|good| format!("{outcome:?}").starts_with(good));
                let report = Report { task: task.clone(), ..report(outcome) };
                let read = Report::verify(&report.sign(&key), &ring, NOW_MS);
                if is_good {
                    assert_eq!(read, Ok(report));
                } else {
                    assert!(matches!(read, Err(Error::Malformed(_))), "{report:?}");
                }
            }
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
