//! Receipts: the data plane's statements become facts.
//!
//! - A receipt counts once, however often and by whomever it is delivered: what follows from it has ids derived from
//!   its grant, and what follows for its object has ids derived from the object.
//! - A blob has one live object. Bytes that are stored already are linked, on the ground of the receipt, and the new
//!   object is discarded: two live objects would be moved, verified and deleted apart, and could differ.
//! - A blob that is damaged is repaired by the next deposit of the same bytes: its new object is named, and the damaged
//!   one discarded, in one append.
//! - An object is deleted only after `object.discarded`; from then on its receipt is refused, also where both race:
//!   either append expects the other's stream to be as it was.
//!
//! Refused: statements that are no receipts, are forged, or come from another node than their key's; late ones; a
//! second content under one grant. The objects of the last two are discarded.

mod decide;

use crate::access::Action;
use crate::contract::{self, Receipt};
use crate::kernel::digest::Digests;
use crate::kernel::event::{DiscardReason, Fact};
use crate::kernel::id::{GrantId, NodeName, ObjectKey, RepositoryName, RequestId, StreamName};
use crate::log::{self, Guard};
use crate::views::{blobs, deleting_blobs, discarded_objects, references};

use super::append::{Change, Ids, Retries};
use super::repositories::RoomMade;
use super::{Context, Control};
use decide::{Decision, Fate, State, decide};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not a receipt, or not a true one.
    #[error("receipt: {0}")]
    Statement(#[from] contract::Error),
    /// Its key belongs to another node than it names.
    #[error("receipt: it names node {0}, which does not hold the key that signed it")]
    OtherNode(NodeName),
    /// It is for another repository than it was delivered to.
    #[error("receipt: it is for {receipt}, not for {named}")]
    OtherRepository {
        /// Delivered to.
        named: RepositoryName,
        /// In the receipt.
        receipt: RepositoryName,
    },
    /// It came too late; its object is discarded.
    #[error("receipt: it had to be delivered {by_seconds} seconds ago; upload the blob again")]
    Late {
        /// By how much.
        by_seconds: u64,
    },
    /// Its object was discarded.
    #[error("receipt: object {0} was discarded; upload the blob again")]
    Discarded(ObjectKey),
    /// Its grant has led to another blob before; its object is discarded.
    #[error("receipt: grant {0} was used for another blob; open an upload for each")]
    GrantSpent(GrantId),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

impl Error {
    /// Whether delivering it again can never help. Then its object is discarded, or is nobody's to keep.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Statement(error) => !matches!(error, contract::Error::UnknownKey(_)),
            Self::OtherNode(_)
            | Self::OtherRepository { .. }
            | Self::Late { .. }
            | Self::Discarded(_)
            | Self::GrantSpent(_) => true,
            Self::Shared(_) => false,
        }
    }
}

/// The blob may be used in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its digests.
    pub digests: Digests,
    /// Its length.
    pub size_bytes: u64,
    /// The event that says so.
    pub position: u64,
    /// Whether the receipt's own object is discarded, because the bytes are stored as another one.
    pub discarded: bool,
}

/// Takes a receipt from a client, for a repository that it may push to.
///
/// # Errors
/// If the caller may not push there, or as [`accept`].
pub async fn deliver(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    text: &str,
) -> Result<Accepted, Error> {
    context.caller.require(Action::push(repository))?;
    let verified = verify(control, text).await?;
    if verified.receipt.repository != *repository {
        let receipt = verified.receipt.repository;
        return Err(Error::OtherRepository { named: repository.clone(), receipt });
    }
    take(control, context.cause, text, verified).await
}

/// Takes a receipt from the data plane. The actor of what follows is the one to whom the grant was given.
///
/// # Errors
/// See [`Error`]; [`Error::is_final`] tells whether to try again.
pub async fn accept(control: &Control, cause: Option<RequestId>, text: &str) -> Result<Accepted, Error> {
    let verified = verify(control, text).await?;
    take(control, cause, text, verified).await
}

/// Takes several receipts from the data plane, as [`accept`] does each. What follows from them is appended together,
/// as far as the log's writer finds it together. One outcome for each, in their order.
pub async fn accept_all(
    control: &Control,
    cause: Option<RequestId>,
    texts: &[&str],
) -> Vec<Result<Accepted, Error>> {
    let mut outcomes = Vec::with_capacity(texts.len());
    // A repository that the first of them makes need not be made by each of the others.
    if let [first, ..] = texts
        && makes_room(control, first).await
    {
        outcomes.push(accept(control, cause, first).await);
    }
    let rest = texts.iter().skip(outcomes.len()).map(|text| {
        let (control, text) = (control.clone(), (*text).to_owned());
        // A task for each, so that signatures are checked on every core.
        tokio::spawn(async move { accept(&control, cause, &text).await })
    });
    for task in rest.collect::<Vec<_>>() {
        outcomes.push(match task.await {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(super::Error::Log(log::Error::Closed).into()),
        });
    }
    outcomes
}

/// Whether a receipt comes first to a repository that is not known yet. Only a hint: [`accept`] finds out by itself.
async fn makes_room(control: &Control, text: &str) -> bool {
    match verify(control, text).await {
        Ok(verified) => !matches!(control.making_room(&verified.receipt.repository).await, Ok(None)),
        Err(_) => false,
    }
}

/// What becomes of the object of a receipt. Asked again, it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The log names it.
    Kept,
    /// The log says that it is discarded: it is to be deleted.
    Discarded,
}

/// What is to be done with the object, by what [`accept`] came to.
///
/// # Errors
/// If the log says nothing of the object; then it has to be kept.
pub fn verdict(outcome: Result<Accepted, Error>) -> Result<Verdict, Error> {
    match outcome {
        Ok(accepted) if accepted.discarded => Ok(Verdict::Discarded),
        Ok(_) => Ok(Verdict::Kept),
        // Only where the log says that the object is discarded may it be deleted.
        Err(error @ (Error::Late { .. } | Error::Discarded(_) | Error::GrantSpent(_))) => {
            tracing::warn!(%error, "a receipt was refused and its object discarded");
            Ok(Verdict::Discarded)
        }
        Err(error) => Err(error),
    }
}

/// Takes a receipt from a data node elsewhere. It may be that of another node, whose session this one ended.
///
/// # Errors
/// If the caller speaks for no node, or as [`verdict`].
pub async fn hand_over(control: &Control, context: &Context, text: &str) -> Result<Verdict, Error> {
    context.caller.require(Action::Deliver)?;
    verdict(accept(control, context.cause, text).await)
}

struct Verified {
    receipt: Receipt,
    late_by_seconds: Option<u64>,
}

async fn verify(control: &Control, text: &str) -> Result<Verified, Error> {
    let now_ms = control.now_ms();
    let (outcome, known) = control.verified(|keys| Receipt::verify(text, keys, now_ms)).await?;
    let (receipt, late_by_seconds) = match outcome {
        Ok(receipt) => (receipt, None),
        Err(contract::Error::Expired(by_seconds)) => (Receipt::decode(text, &known.ring)?, Some(by_seconds)),
        Err(error) => return Err(error.into()),
    };
    let signer = Receipt::signer(text)?;
    if !known.is_held_by(&signer, &receipt.node) {
        return Err(Error::OtherNode(receipt.node));
    }
    Ok(Verified { receipt, late_by_seconds })
}

async fn take(
    control: &Control,
    cause: Option<RequestId>,
    text: &str,
    verified: Verified,
) -> Result<Accepted, Error> {
    let Verified { receipt, late_by_seconds } = verified;
    let mut retries = Retries::default();
    // Nearly always the blob is new and this is its only receipt. Then nothing has to be read: the log checks it.
    let mut loaded = Loaded::unseen(control, &receipt, late_by_seconds).await?;
    loop {
        let decision = decide(&loaded.state, &receipt, text);
        match loaded.append(control, cause, &receipt, &decision).await {
            Ok(position) => return outcome(decision.fate, position, &receipt),
            // The blob, the object or the grant has a history.
            Err(log::Error::Conflict { .. } | log::Error::IdReused { .. } | log::Error::Guard(_)) => {
                retries.again().await?;
            }
            Err(error) => return Err(super::Error::Log(error).into()),
        }
        loaded = Loaded::load(control, &receipt, late_by_seconds).await?;
    }
}

fn outcome(fate: Fate, position: u64, receipt: &Receipt) -> Result<Accepted, Error> {
    let accepted = |discarded| Accepted {
        digests: receipt.digests,
        size_bytes: receipt.size_bytes,
        position,
        discarded,
    };
    match fate {
        Fate::Kept => Ok(accepted(false)),
        Fate::Duplicate => Ok(accepted(true)),
        Fate::Late { by_seconds } => Err(Error::Late { by_seconds }),
        Fate::Spent => Err(Error::GrantSpent(receipt.grant)),
        Fate::Discarded => Err(Error::Discarded(receipt.object.clone())),
    }
}

/// A state with what guards it.
struct Loaded {
    state: State,
    blob_version: Option<u64>,
    room: Option<RoomMade>,
    /// Where the blob was linked to the repository, if it was.
    position: u64,
}

impl Loaded {
    async fn unseen(
        control: &Control,
        receipt: &Receipt,
        late_by_seconds: Option<u64>,
    ) -> Result<Self, Error> {
        let room = control.making_room(&receipt.repository).await?;
        let state = State { late_by_seconds, ..State::default() };
        Ok(Self { state, blob_version: None, room, position: 0 })
    }

    async fn load(control: &Control, receipt: &Receipt, late_by_seconds: Option<u64>) -> Result<Self, Error> {
        let digest = receipt.digests.blake3;
        let blob_version = control.version(&StreamName::blob(digest)).await?;
        let discarded = discarded_objects::get(control.pool(), &receipt.store, &receipt.object).await?;
        let blob = blobs::get(control.pool(), &digest.into()).await?;
        let linked = blobs::locate(control.pool(), &receipt.repository, &digest.into()).await?;
        let object = std::slice::from_ref(&receipt.object);
        let given_up = deleting_blobs::among(control.pool(), &receipt.store, object).await?;
        let earlier = control.recorded(Ids::of_grant(receipt.grant).id(0)).await?;
        let room = control.making_room(&receipt.repository).await?;
        let position = linked.as_ref().map_or(0, |linked| linked.linked_position);
        let damaged = blob.as_ref().is_some_and(|blob| blob.damaged.is_some());
        let free = match &linked {
            Some(_) => !references::claims_of(control.pool(), &[digest]).await?.is_empty(),
            None => false,
        };
        let state = State {
            late_by_seconds,
            discarded: discarded.map(|found| found.reason),
            damaged,
            stored_as: blob.map(|blob| (blob.store, blob.object)),
            moved: given_up.get(&receipt.object).is_some_and(|started| started.moved_at_ms.is_some()),
            linked: linked.is_some() && !damaged,
            free,
            grant_spent: earlier.is_some(),
        };
        Ok(Self { state, blob_version, room, position })
    }

    /// Appends what was decided. Returns the position of the event by which the blob may be used there, if it may.
    async fn append(
        &self,
        control: &Control,
        cause: Option<RequestId>,
        receipt: &Receipt,
        decision: &Decision,
    ) -> Result<u64, log::Error> {
        if decision.facts.is_empty() {
            return Ok(self.position);
        }
        let mut change = Change {
            events: Vec::new(),
            expected: vec![
                (StreamName::blob(receipt.digests.blake3), self.blob_version),
                (StreamName::object(&receipt.store, &receipt.object), None),
            ],
            ..Change::default()
        };
        if decision.fate == Fate::Duplicate {
            // The new object goes because the other one is as good; that must be so still.
            change.guards.push(Guard::BlobsIntact { blobs: vec![receipt.digests.blake3] });
        }
        let mut main = 0;
        for fact in &decision.facts {
            let id = match fact {
                Fact::ObjectDiscarded(fact) => {
                    if fact.reason == DiscardReason::Replaced {
                        change.expected.push((StreamName::object(&fact.store, &fact.object), None));
                    }
                    Ids::of_object(&fact.store, &fact.object).id(0)
                }
                _ => Ids::of_grant(receipt.grant).id(0),
            };
            let deposits = matches!(fact, Fact::BlobStored(_) | Fact::BlobLinked(_));
            if let (true, Some(room)) = (deposits, &self.room) {
                change.events.push((Ids::Fresh.id(0), room.fact.clone()));
                change.expected.push((room.stream.clone(), None));
            }
            if deposits {
                main = change.events.len();
            }
            change.events.push((id, fact.clone()));
        }
        let appended = control.append(&receipt.actor, cause, change).await?;
        // Where it was linked first stands; a link that renews it changes that for nobody.
        Ok(if self.state.linked { self.position } else { appended.positions[main] })
    }
}
