//! Deleting a package by its name, by whoever has the right to, for a reason.
//!
//! - Whatever would keep it from a plan keeps it from this: holds, locks, pins, live references, rules that keep or lock. A refusal
//!   names all that is in the way.
//! - Tags that name it go with it: a tag protects nothing.
//! - What was found is so still when it is appended: see [`Deletable`]. If not, it is looked at again.
//! - The tombstone stays in the log: digests, size, who, when and why. Bytes go later, when nothing references them any
//!   more: see [`super::collection`].
//!
//! Needs `repository:<name>:delete`.

use super::append::{Change, Ids, Retries};
use super::retention::assess;
use super::{Context, Control, manifests, retention};
use crate::access::Action;
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Authority, Fact, LockMode, ManifestDeleted};
use crate::kernel::id::{Reference, RepositoryName, Tag};
use crate::kernel::statement::{self, Statement};
use crate::log::guard::Deletable;
use crate::log::{Guard, documents};
use crate::retention::evaluate::RuleAt;
use crate::retention::{Blocker, InForce};
use crate::views::manifests::Manifest;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is kept.
    #[error("the package is kept by {}", .blockers.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join("; by "))]
    Kept {
        /// All that is in the way, in order of precedence.
        blockers: Vec<InTheWay>,
    },
    /// What is in the way cannot be found out.
    #[error(transparent)]
    Retention(#[from] retention::Error),
    /// The package is not there.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// Something that keeps a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTheWay {
    /// What it is: `hold`, `compliance-lock`, `governance-lock`, `pin`, `listed`, `subject`, `keep-rule`.
    pub kind: &'static str,
    /// Its name, if it has one: of a hold, a pin, a rule (`<policy>/<rule>`), a digest.
    pub name: Option<String>,
    /// Until when, milliseconds since the epoch, if that is known.
    pub until_ms: Option<u64>,
    /// For people.
    pub text: String,
}

impl InTheWay {
    pub(super) fn of(blocker: &Blocker, policies: &[InForce]) -> Self {
        let rule = |at: &RuleAt| {
            let policy = &policies[at.policy];
            format!("{}/{}", policy.name, policy.policy.rules[at.rule].name)
        };
        let one = |kind, name: Option<String>, until_ms, text| Self { kind, name, until_ms, text };
        match blocker {
            Blocker::Hold(hold) => one("hold", Some(hold.clone()), None, format!("hold {hold}")),
            Blocker::Lock { mode, until_ms, due } => {
                let kind = match mode {
                    LockMode::Compliance => "compliance-lock",
                    LockMode::Governance => "governance-lock",
                };
                let rule = due.as_ref().map(rule);
                let by = rule.as_ref().map_or_else(String::new, |rule| format!(", by rule {rule}"));
                let text = format!("a {} until {}{by}", kind.replace('-', " "), time(*until_ms));
                one(kind, rule, Some(*until_ms), text)
            }
            Blocker::Pin(pin) => one("pin", Some(pin.clone()), None, format!("pin {pin}")),
            Blocker::Listed(index) => {
                one("listed", Some(index.to_string()), None, format!("index {index}, which lists it"))
            }
            Blocker::Subject(subject) => one(
                "subject",
                Some(subject.to_string()),
                None,
                format!("its subject {subject}, which stands"),
            ),
            Blocker::Keep(at) => one("keep-rule", Some(rule(at)), None, format!("keep rule {}", rule(at))),
        }
    }
}

/// RFC 3339; what lies beyond the calendar is its end.
pub(super) fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// A package was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The package.
    pub manifest: Blake3,
    /// Tags that named it.
    pub tags: Vec<Tag>,
    /// The tombstone: place in the log.
    pub position: u64,
}

/// Deletes a package.
///
/// # Errors
/// If something is in the way, it is not there, or the caller may not.
pub async fn delete(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    statement: &Statement,
) -> Result<Deleted, Error> {
    context.caller.require(Action::delete(repository))?;
    if let Some(earlier) = earlier(control, context, repository, reference).await? {
        return Ok(earlier);
    }
    let found = manifests::find(control, &context.caller, repository, reference).await?;
    documents::put(control.pool(), &[(statement::MEDIA_TYPE, &statement.encode())]).await?;
    let mut retries = Retries::default();
    loop {
        let assessed = assess(control, repository, found.blake3).await?.ok_or_else(|| {
            manifests::Error::Unknown { repository: repository.clone(), reference: reference.clone() }
        })?;
        if !assessed.blockers.is_empty() {
            let of = |blocker| InTheWay::of(blocker, &assessed.policies);
            return Err(Error::Kept { blockers: assessed.blockers.iter().map(of).collect() });
        }
        let authority = Authority::Actor { statement: statement.digest() };
        let deletable = Deletable {
            decided_at: assessed.position,
            since: assessed.position,
            packages: vec![(repository.clone(), found.blake3)],
        };
        let change = Change {
            events: Ids::of_request(context).assign(vec![tombstone(&found, authority).into()]),
            guards: vec![Guard::PackagesDeletable(deletable)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => {
                let tags = assessed.package.tags.into_iter().map(|named| named.tag).collect();
                return Ok(Deleted { manifest: found.blake3, tags, position: appended.last() });
            }
            Err(error) => retries.after(error).await?,
        }
    }
}

/// What the same request did before.
async fn earlier(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Option<Deleted>, Error> {
    let Some(earlier) = control.earlier(context).await? else { return Ok(None) };
    match earlier.event.fact {
        Fact::ManifestDeleted(fact)
            if fact.repository == *repository
                && !matches!(reference, Reference::Digest(named) if !fact.digests().matches(named)) =>
        {
            Ok(Some(Deleted { manifest: fact.blake3, tags: Vec::new(), position: earlier.position }))
        }
        _ => Err(super::Error::IdempotencyKeyReused.into()),
    }
}

/// The tombstone of a package.
pub(super) fn tombstone(manifest: &Manifest, authority: Authority) -> ManifestDeleted {
    ManifestDeleted {
        repository: manifest.repository.clone(),
        blake3: manifest.blake3,
        sha256: manifest.sha256,
        size_bytes: manifest.size_bytes,
        blobs: manifest.blobs,
        blobs_bytes: manifest.blobs_bytes,
        authority,
    }
}
