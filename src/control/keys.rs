//! Keys: which may sign, recorded in the log with the node that holds them, so that a signature can be checked years
//! later by whoever has the log.
//!
//! - A key is for one kind of statement of one node. Its private half never leaves that node.
//! - Retiring is for good. What a key signed until then stays valid; what it signs later is believed by nobody.
//! - The log is never without a signer: the key of the newest checkpoint cannot be retired, nor the last of its kind.
//!
//! Refused: a key that is recorded for something else, keys of a node that the caller does not speak for.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use super::append::{Change, Ids, Retries};
use super::{Context, Control};
use crate::access::Action;
use crate::contract::{self, KeyRing, SigningKey, VerifyingKey};
use crate::kernel::event::{KeyAdded, KeyKind, KeyRetired};
use crate::kernel::id::{Actor, KeyId, NodeName, RequestId, StreamName};
use crate::kernel::limits::KEY_RING_AGE_MAX_MS;
use crate::log::checkpoint;
use crate::views::keys::{self, Key};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such key.
    #[error("there is no key {0}")]
    Unknown(KeyId),
    /// Without it nobody signs checkpoints.
    #[error(
        "key {0} signs the checkpoints of this log: add its successor (`strongroom key add --kind checkpoint` where the \
         node runs), restart the node so that it signs with that one, and then retire this"
    )]
    InUse(KeyId),
    /// The same key is recorded as something else.
    #[error("key {key} is recorded already, for {kind} statements of node {node}")]
    Taken {
        /// Which.
        key: KeyId,
        /// For what.
        kind: KeyKind,
        /// Of which node.
        node: NodeName,
    },
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// Every key that ever signed here, in the order in which they were added.
///
/// # Errors
/// If the database fails.
pub async fn list(control: &Control) -> Result<Vec<Key>, Error> {
    Ok(keys::list(control.pool()).await?)
}

/// The same keys, to verify with.
///
/// # Errors
/// If the database fails.
pub async fn ring(control: &Control) -> Result<KeyRing, Error> {
    Ok(Known::of(list(control).await?, 0).ring)
}

/// Records a key of this process's own node, unless it is recorded.
///
/// # Errors
/// If the database fails, or the key is recorded for another node or kind of statement.
pub async fn add(
    control: &Control,
    actor: &Actor,
    key: &VerifyingKey,
    node: &NodeName,
) -> Result<Key, Error> {
    record(control, actor, None, key, node).await
}

/// Records a key for whoever asks: `node:<name>` is enough for the receipt and report keys of that node. Doing it again changes
/// nothing; the answer says whether the key was retired meanwhile.
///
/// # Errors
/// If the caller may not, or the key is recorded for another node or kind of statement.
pub async fn enroll(
    control: &Control,
    context: &Context,
    key: &VerifyingKey,
    node: &NodeName,
) -> Result<Key, Error> {
    context.caller.require(match key.kind() {
        KeyKind::Receipt | KeyKind::Report => Action::Node(node),
        KeyKind::Grant | KeyKind::Checkpoint | KeyKind::Order => Action::Administer,
    })?;
    record(control, &context.caller.actor, context.cause, key, node).await
}

/// Makes a key sign nothing new; what it signed before stays valid. Doing it again changes nothing.
///
/// # Errors
/// If the caller does not administer, there is no such key, or the log is signed with it.
pub async fn retire(control: &Control, context: &Context, key: &KeyId) -> Result<Key, Error> {
    context.caller.require(Action::Administer)?;
    let stream = StreamName::key(key);
    let mut retries = Retries::default();
    loop {
        let version = control.version(&stream).await?;
        let found = list(control).await?;
        let signs_log = signs_log(control, &found).await?;
        let Some(fact) = decide_retire(&found, signs_log.as_ref(), key)? else { break };
        let change = Change {
            events: Ids::Fresh.assign(vec![fact.into()]),
            expected: vec![(stream.clone(), version)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => break,
            Err(error) => retries.after(error).await?,
        }
    }
    control.reload_keys().await?;
    get(control, key).await
}

async fn get(control: &Control, key: &KeyId) -> Result<Key, Error> {
    keys::get(control.pool(), key).await?.ok_or_else(|| Error::Unknown(key.clone()))
}

/// The key of the newest checkpoint.
async fn signs_log(control: &Control, known: &[Key]) -> Result<Option<KeyId>, Error> {
    let may_sign: Vec<[u8; 32]> =
        known.iter().filter(|key| key.kind == KeyKind::Checkpoint).map(|key| key.public).collect();
    let signer = checkpoint::latest_signer(control.pool(), &may_sign).await?;
    Ok(signer.map(|public| KeyId::of(&public)))
}

/// What retires the key; none if it is retired.
///
/// The log must never be without a signer, so the key of the newest checkpoint stays, and so does the last one that may
/// sign any. Rotation has no gap then: the successor is recorded, signs, and only then its predecessor goes.
fn decide_retire(
    known: &[Key],
    signs_log: Option<&KeyId>,
    wanted: &KeyId,
) -> Result<Option<KeyRetired>, Error> {
    let key = known.iter().find(|key| key.key == *wanted).ok_or_else(|| Error::Unknown(wanted.clone()))?;
    if key.retired_at_ms.is_some() {
        return Ok(None);
    }
    let is_successor =
        |other: &&Key| other.kind == key.kind && other.key != key.key && other.retired_at_ms.is_none();
    if key.kind == KeyKind::Checkpoint
        && (signs_log == Some(wanted) || known.iter().find(is_successor).is_none())
    {
        return Err(Error::InUse(wanted.clone()));
    }
    Ok(Some(KeyRetired { key: wanted.clone() }))
}

async fn record(
    control: &Control,
    actor: &Actor,
    cause: Option<RequestId>,
    key: &VerifyingKey,
    node: &NodeName,
) -> Result<Key, Error> {
    let added = KeyAdded { key: key.id(), kind: key.kind(), public: *key.public(), node: node.clone() };
    let stream = StreamName::key(&added.key);
    let mut retries = Retries::default();
    loop {
        if control.version(&stream).await?.is_some() {
            let recorded = get(control, &added.key).await?;
            return if recorded.node == added.node && recorded.kind == added.kind {
                Ok(recorded)
            } else {
                Err(Error::Taken { key: recorded.key, kind: recorded.kind, node: recorded.node })
            };
        }
        let change = Change {
            events: Ids::Fresh.assign(vec![added.clone().into()]),
            expected: vec![(stream.clone(), None)],
            ..Change::default()
        };
        match control.append(actor, cause, change).await {
            // What comes next may be signed with it.
            Ok(_) => drop(control.reload_keys().await?),
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Keys as they were at a time.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) ring: KeyRing,
    nodes: HashMap<KeyId, NodeName>,
    loaded_at_ms: u64,
}

impl Known {
    fn of(keys: Vec<Key>, loaded_at_ms: u64) -> Self {
        let mut ring = KeyRing::default();
        let mut nodes = HashMap::new();
        for key in keys {
            let Some(verifying) = VerifyingKey::from_public(key.kind, &key.public) else {
                // Only our own events add keys, each made from a real one; what is no key can verify nothing.
                continue;
            };
            ring.insert(match key.retired_at_ms {
                Some(at_ms) => verifying.retired(at_ms),
                None => verifying,
            });
            nodes.insert(key.key, key.node);
        }
        Self { ring, nodes, loaded_at_ms }
    }

    /// Whether that node holds the private half of that key.
    pub(super) fn is_held_by(&self, key: &KeyId, node: &NodeName) -> bool {
        self.nodes.get(key) == Some(node)
    }
}

/// The keys that were loaded last.
#[derive(Default)]
pub(super) struct Cache(RwLock<Option<Arc<Known>>>);

impl Control {
    /// The keys, at most [`KEY_RING_AGE_MAX_MS`] old.
    pub(super) async fn known_keys(&self) -> Result<Arc<Known>, super::Error> {
        let now_ms = self.now_ms();
        let cached = self.0.ring.0.read().expect("no holder panics").clone();
        match cached {
            Some(known) if now_ms.abs_diff(known.loaded_at_ms) <= KEY_RING_AGE_MAX_MS => Ok(known),
            _ => self.reload_keys().await,
        }
    }

    /// The key that signs grants.
    ///
    /// # Errors
    /// If it was retired: what it signs now is believed by nobody.
    pub(super) async fn grant_key(&self) -> Result<&SigningKey, super::Error> {
        let key = &self.0.parts.grant_key;
        let retired = self.known_keys().await?.ring.get(&key.id()).and_then(VerifyingKey::retired_at_ms);
        match retired {
            None => Ok(key),
            Some(_) => Err(super::Error::OwnKeyRetired(key.id())),
        }
    }

    /// Verifies a statement by the keys that are known; by those of now, if its own is not among them, for another process
    /// may have added it. Gives the keys that it was verified by too.
    pub(super) async fn verified<T>(
        &self,
        verify: impl Fn(&KeyRing) -> Result<T, contract::Error>,
    ) -> Result<(Result<T, contract::Error>, Arc<Known>), super::Error> {
        let known = self.known_keys().await?;
        let outcome = verify(&known.ring);
        if !matches!(outcome, Err(contract::Error::UnknownKey(_))) {
            return Ok((outcome, known));
        }
        let known = self.reload_keys().await?;
        Ok((verify(&known.ring), known))
    }

    /// The keys as they are now.
    async fn reload_keys(&self) -> Result<Arc<Known>, super::Error> {
        let loaded_at_ms = self.now_ms();
        let known = Arc::new(Known::of(keys::list(self.pool()).await?, loaded_at_ms));
        *self.0.ring.0.write().expect("no holder panics") = Some(known.clone());
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::given::given;

    fn key(number: u8, kind: KeyKind, retired_at_ms: Option<u64>) -> Key {
        Key {
            key: KeyId::of(&[number; 32]),
            kind,
            public: [number; 32],
            node: "node-1".parse().unwrap(),
            added_at_ms: 0,
            retired_at_ms,
            position: u64::from(number),
        }
    }

    fn id(number: u8) -> KeyId {
        KeyId::of(&[number; 32])
    }

    #[test]
    fn a_key_of_grants_or_receipts_is_retired_whatever_else_there_is() {
        for kind in [KeyKind::Grant, KeyKind::Receipt] {
            given(vec![key(1, kind, None)])
                .when(|known| decide_retire(known, None, &id(1)))
                .then(Some(KeyRetired { key: id(1) }));
        }
    }

    #[test]
    fn retiring_again_changes_nothing() {
        given(vec![key(1, KeyKind::Checkpoint, Some(5))])
            .when(|known| decide_retire(known, Some(&id(1)), &id(1)))
            .then(None);
    }

    #[test]
    fn the_log_is_never_without_a_signer() {
        let both = vec![key(1, KeyKind::Checkpoint, None), key(2, KeyKind::Checkpoint, None)];
        let refused = |error: &Error| matches!(error, Error::InUse(_));
        // The only one; its successor was retired; it signed the newest checkpoint.
        given(vec![key(1, KeyKind::Checkpoint, None), key(2, KeyKind::Receipt, None)])
            .when(|known| decide_retire(known, None, &id(1)))
            .then_refused(refused);
        given(vec![key(1, KeyKind::Checkpoint, None), key(2, KeyKind::Checkpoint, Some(1))])
            .when(|known| decide_retire(known, Some(&id(2)), &id(1)))
            .then_refused(refused);
        given(both.clone()).when(|known| decide_retire(known, Some(&id(1)), &id(1))).then_refused(refused);
        given(both)
            .when(|known| decide_retire(known, Some(&id(2)), &id(1)))
            .then(Some(KeyRetired { key: id(1) }));
    }

    #[test]
    fn a_key_that_nobody_knows_is_named() {
        given(vec![])
            .when(|known: &Vec<Key>| decide_retire(known, None, &id(1)))
            .then_refused(|error| matches!(error, Error::Unknown(key) if *key == id(1)));
    }
}
