//! From a decision to an append: event ids, versions, retries.
//!
//! ```text
//! event id = UUIDv8 (RFC 9562 section 5.8) of the first 16 bytes of
//!            SHA-256( label || 0 || for each part: u64 length (big endian) || part || u64 index (big endian) )
//! ```
//! - Index 0 is the last fact of a change, which is the one that it is for; what makes room for it stands before.
//! - Without anything that makes a request the same one again, ids are fresh UUIDv7.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::Digest as _;
use uuid::Uuid;

use super::{Context, Control, Error};
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::kernel::id::{Actor, EventId, GrantId, ObjectKey, RequestId, RetrievalId, StoreName, StreamName};
use crate::kernel::limits::{APPEND_RETRIES_MAX, APPEND_RETRY_PAUSE_MS};
use crate::log::guard::{CLAIMS, DAMAGE, DELETION, POLICIES, RETENTION};
use crate::log::{self, Appended, Expected, Guard, Member, NewEvent, Recorded, read};

/// Where event ids come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ids {
    /// Nothing makes it the same request again.
    Fresh,
    /// From what does.
    Derived([u8; 32]),
}

impl Ids {
    fn derived(label: &str, parts: &[&[u8]]) -> Self {
        let mut hash = sha2::Sha256::new();
        hash.update(label);
        hash.update([0]);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self::Derived(hash.finalize().into())
    }

    /// Of a request: from its idempotency key, if it has one.
    pub(super) fn of_request(context: &Context) -> Self {
        match &context.idempotency {
            None => Self::Fresh,
            Some(key) => {
                let actor = context.caller.actor.as_str();
                Self::derived("strongroom idempotency v1", &[actor.as_bytes(), key.as_str().as_bytes()])
            }
        }
    }

    /// Of what a grant's receipt leads to.
    pub(super) fn of_grant(grant: GrantId) -> Self {
        Self::derived("strongroom grant v1", &[grant.0.as_bytes()])
    }

    /// Of the end of an object.
    pub(super) fn of_object(store: &StoreName, object: &ObjectKey) -> Self {
        Self::derived("strongroom object v1", &[store.as_str().as_bytes(), object.as_str().as_bytes()])
    }

    /// Of what is said of a plan once.
    pub(super) fn of_plan(plan: Blake3, what: &str) -> Self {
        Self::derived("strongroom plan v1", &[plan.as_bytes(), what.as_bytes()])
    }

    /// Of the end of a deletion that was started by the event at that position.
    pub(super) fn of_deletion(position: u64) -> Self {
        Self::derived("strongroom deletion v1", &[&position.to_be_bytes()])
    }

    /// Of the retrieval of a package that comes after another one, or is its first.
    pub(super) fn of_retrieval(stream: &StreamName, before: Option<RetrievalId>) -> Self {
        let before = before.map(|before| *before.0.as_bytes()).unwrap_or_default();
        Self::derived("strongroom retrieval v1", &[stream.as_str().as_bytes(), &before])
    }

    /// Of an actor's reading of a package on a day.
    pub(super) fn of_read(actor: &Actor, stream: &StreamName, day: u64) -> Self {
        let parts = [actor.as_str().as_bytes(), stream.as_str().as_bytes(), &day.to_be_bytes()];
        Self::derived("strongroom read v1", &parts)
    }

    /// The id of the fact that has `index` facts after it.
    pub(super) fn id(&self, index: usize) -> EventId {
        match self {
            Self::Fresh => EventId(Uuid::now_v7()),
            Self::Derived(seed) => {
                let mut hash = sha2::Sha256::new();
                hash.update(seed);
                hash.update((index as u64).to_be_bytes());
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&hash.finalize()[..16]);
                EventId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
            }
        }
    }

    /// The facts of one change with their ids.
    pub(super) fn assign(&self, facts: Vec<Fact>) -> Vec<(EventId, Fact)> {
        let last = facts.len().saturating_sub(1);
        facts.into_iter().enumerate().map(|(n, fact)| (self.id(last - n), fact)).collect()
    }
}

/// What a decision leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// In the order in which they are recorded.
    pub(super) events: Vec<(EventId, Fact)>,
    /// Versions that the decision depended on.
    pub(super) expected: Vec<(StreamName, Option<u64>)>,
    /// What must hold in the views.
    pub(super) guards: Vec<Guard>,
}

/// What a fact changes for guards of others, by name.
fn writes(fact: &Fact) -> &'static [&'static str] {
    match fact {
        Fact::BlobCorrupt(_) => &[DAMAGE],
        // What has another object is not there any more for whoever means the one before.
        Fact::BlobStored(_) | Fact::BlobLinked(_) | Fact::BlobMoved(_) => &[CLAIMS],
        Fact::ManifestAccepted(_) | Fact::TagSet(_) => &[RETENTION],
        Fact::HoldPlaced(_) | Fact::HoldReleased(_) => &[RETENTION],
        Fact::PinSet(_) | Fact::PinReleased(_) => &[RETENTION],
        Fact::PolicySet(_) | Fact::PolicyRemoved(_) => &[RETENTION, POLICIES],
        Fact::LockExtended(_) | Fact::LockBypassed(_) => &[RETENTION],
        Fact::ManifestReferences(_) => &[CLAIMS, RETENTION],
        Fact::ManifestDeleted(_) => &[DELETION, CLAIMS],
        Fact::BlobDeletionStarted(_) | Fact::DocumentErased(_) => &[DELETION],
        Fact::RepositoryCreated(_)
        | Fact::RepositoryUpdated(_)
        | Fact::ManifestReadGranted(_)
        | Fact::TagRemoved(_)
        | Fact::TokenMinted(_)
        | Fact::TokenRevoked(_)
        | Fact::KeyAdded(_)
        | Fact::KeyRetired(_)
        | Fact::ObjectDiscarded(_)
        | Fact::BlobVerified(_)
        | Fact::BlobDeleted(_)
        | Fact::PlanSubmitted(_)
        | Fact::PlanApproved(_)
        | Fact::PlanApplied(_)
        | Fact::ManifestTiered(_)
        | Fact::RetrievalRequested(_)
        | Fact::RetrievalRestoring(_)
        | Fact::RetrievalAvailable(_)
        | Fact::RetrievalFailed(_)
        | Fact::LogRestored(_) => &[],
    }
}

/// A decision's bounded number of new starts.
#[derive(Debug, Default)]
pub(super) struct Retries(u32);

impl Retries {
    /// After a refused append: returns if it is worth another decision.
    pub(super) async fn after(&mut self, error: log::Error) -> Result<(), Error> {
        match error {
            log::Error::Conflict { .. } | log::Error::Guard(_) => self.again().await,
            log::Error::IdReused { .. } => Err(Error::IdempotencyKeyReused),
            other => Err(Error::Log(other)),
        }
    }

    /// Pauses before another decision, if there may be one.
    pub(super) async fn again(&mut self) -> Result<(), Error> {
        if self.0 >= APPEND_RETRIES_MAX {
            return Err(Error::Contended);
        }
        // Whoever lost a race together must not run the next one together.
        let pause_ms = rand::random_range(0..=APPEND_RETRY_PAUSE_MS << self.0);
        self.0 += 1;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        Ok(())
    }
}

impl Control {
    /// Appends a change, whole or not at all.
    pub(super) async fn append(
        &self,
        actor: &Actor,
        cause: Option<RequestId>,
        change: Change,
    ) -> Result<Appended, log::Error> {
        let event = |(id, fact): (EventId, Fact)| NewEvent {
            id,
            actor: actor.clone(),
            stream: fact.stream(),
            fact,
            cause,
        };
        let version = |(stream, version)| (stream, Expected::from(version));
        let reads: BTreeSet<&str> = change.guards.iter().flat_map(Guard::reads).copied().collect();
        let writes: BTreeSet<&str> =
            change.events.iter().flat_map(|(_, fact)| writes(fact)).copied().collect();
        // What is counted is changed by whoever counts it, so that two never count the same room.
        let counted = |guard: &Guard| match guard {
            Guard::WithinQuota { repository, .. } => Some(format!("quota/{repository}")),
            _ => None,
        };
        let counted: Vec<String> = change.guards.iter().filter_map(counted).collect();
        let member = Member {
            events: change.events.into_iter().map(event).collect(),
            expected: change.expected.into_iter().map(version).collect(),
            reads: reads.into_iter().map(str::to_owned).chain(counted.iter().cloned()).collect(),
            guards: change.guards,
            writes: writes.into_iter().map(str::to_owned).chain(counted).collect(),
        };
        self.0.parts.log.append(member).await
    }

    /// What the same request led to before, if it did: its main event.
    pub(super) async fn earlier(&self, context: &Context) -> Result<Option<Recorded>, Error> {
        match Ids::of_request(context) {
            Ids::Fresh => Ok(None),
            ids @ Ids::Derived(_) => self.recorded(ids.id(0)).await,
        }
    }

    /// The event with that id.
    pub(super) async fn recorded(&self, id: EventId) -> Result<Option<Recorded>, Error> {
        let raw = read::by_id(self.pool(), id).await?;
        Ok(raw.map(read::Raw::decode).transpose()?)
    }

    /// The version of a stream, to be read before the views that it guards.
    pub(super) async fn version(&self, stream: &StreamName) -> Result<Option<u64>, Error> {
        Ok(read::version(self.pool(), stream).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Caller;
    use crate::kernel::digest::Digests;
    use crate::kernel::event::{BlobDeletionStarted, BlobLinked, BlobMoved, ManifestReferences, TagSet};
    use crate::log::guard::Deletable;

    fn context(actor: &str, key: &str) -> Context {
        let caller = Caller::local(actor.parse().unwrap());
        Context { idempotency: Some(key.parse().unwrap()), ..Context::new(caller) }
    }

    #[test]
    fn the_same_request_has_the_same_ids_and_no_other_has() {
        let ids = Ids::of_request(&context("a", "key"));
        assert_eq!(ids, Ids::of_request(&context("a", "key")));
        assert_eq!(ids.id(0), ids.id(0));
        assert_ne!(ids.id(0), ids.id(1));
        // The parts are delimited: moving a character from one to the other is another request.
        assert_ne!(ids.id(0), Ids::of_request(&context("ak", "ey")).id(0));
        assert_ne!(Ids::Fresh.id(0), Ids::Fresh.id(0));
    }

    #[test]
    fn a_derived_id_is_a_uuid_of_version_8() {
        let id = Ids::of_grant(GrantId(Uuid::nil())).id(0).0;
        assert_eq!(id.get_version_num(), 8);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn what_a_guard_asks_for_waits_in_a_batch_for_what_could_undo_it() {
        let (blobs, since) = (Vec::new(), Deletable { decided_at: 0, since: 0, packages: Vec::new() });
        let free = Guard::BlobsFree { blobs: Vec::new(), touched_until_ms: 0 };
        let intact = Guard::BlobsIntact { blobs };
        let deletable = Guard::PackagesDeletable(since);
        let digests = Digests::of(b"x");
        let (blake3, sha256) = (digests.blake3, digests.sha256);
        let (store, object) = ("main".parse::<StoreName>().unwrap(), ObjectKey::from_uuid(Uuid::nil()));
        let repository: crate::kernel::id::RepositoryName = "acme/a".parse().unwrap();
        let references =
            ManifestReferences { repository: repository.clone(), blake3, blobs: vec![], manifests: vec![] };
        let linked = BlobLinked { repository: repository.clone(), blake3, from: None, receipt: None };
        let tagged = TagSet { repository, tag: "v1".parse().unwrap(), manifest: blake3, previous: None };
        let at = Guard::BlobsAt { blobs: Vec::new() };
        let moved = Fact::from(BlobMoved {
            blake3,
            size_bytes: 1,
            from_store: store.clone(),
            from_object: object.clone(),
            store: store.clone(),
            object: object.clone(),
            node: "node".parse().unwrap(),
            report: String::new(),
        });
        let started = Fact::from(BlobDeletionStarted { blake3, sha256, size_bytes: 1, store, object });
        let rows: [(&Guard, Fact); 9] = [
            (&at, started.clone()),
            (&at, moved.clone()),
            (&free, moved),
            (&free, started.clone()),
            (&free, references.clone().into()),
            (&free, linked.into()),
            (&intact, started),
            (&deletable, references.into()),
            (&deletable, tagged.into()),
        ];
        for (guard, fact) in rows {
            let waits = guard.reads().iter().any(|key| writes(&fact).contains(key));
            assert!(waits, "{guard:?} does not wait for {}", fact.type_name());
        }
    }

    #[test]
    fn the_last_fact_of_a_change_has_index_0() {
        let ids = Ids::of_grant(GrantId(Uuid::nil()));
        let fact = |key: &str| Fact::from(crate::kernel::event::KeyRetired { key: key.parse().unwrap() });
        let assigned = ids.assign(vec![fact("0000000000000000"), fact("1111111111111111")]);
        assert_eq!(assigned[1].0, ids.id(0));
        assert_eq!(assigned[0].0, ids.id(1));
    }
}
