//! Keys: which may sign, recorded in the log with the node that holds them, so that a signature can be checked years
//! later by whoever has the log.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use super::append::{Change, Ids, Retries};
use super::{Control, Error};
use crate::contract::{KeyRing, VerifyingKey};
use crate::kernel::event::KeyAdded;
use crate::kernel::id::{Actor, KeyId, NodeName, StreamName};
use crate::kernel::limits::KEY_RING_AGE_MAX_MS;
use crate::views::keys::{self, Key};

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

/// Records a key, unless it is recorded.
///
/// # Errors
/// If the database fails.
pub async fn add(control: &Control, actor: &Actor, key: &VerifyingKey, node: &NodeName) -> Result<(), Error> {
    let added = KeyAdded { key: key.id(), kind: key.kind(), public: *key.public(), node: node.clone() };
    let stream = StreamName::key(&added.key);
    let mut retries = Retries::default();
    loop {
        if control.version(&stream).await?.is_some() {
            return Ok(());
        }
        let change = Change {
            events: Ids::Fresh.assign(vec![added.clone().into()]),
            expected: vec![(stream.clone(), None)],
            guards: Vec::new(),
        };
        match control.append(actor, None, change).await {
            Ok(_) => return Ok(()),
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
    pub(super) async fn known_keys(&self) -> Result<Arc<Known>, Error> {
        let now_ms = self.now_ms();
        let cached = self.0.ring.0.read().expect("no holder panics").clone();
        match cached {
            Some(known) if now_ms.abs_diff(known.loaded_at_ms) <= KEY_RING_AGE_MAX_MS => Ok(known),
            _ => self.reload_keys().await,
        }
    }

    /// The keys as they are now: for a statement by one that is not among the known.
    pub(super) async fn reload_keys(&self) -> Result<Arc<Known>, Error> {
        let loaded_at_ms = self.now_ms();
        let known = Arc::new(Known::of(list(self).await?, loaded_at_ms));
        *self.0.ring.0.write().expect("no holder panics") = Some(known.clone());
        Ok(known)
    }
}
