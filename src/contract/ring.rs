//! The keys that are known now, shared by whoever learns of them and whoever verifies with them.

use std::sync::{Arc, PoisonError, RwLock};

use super::keys::KeyRing;

/// A ring that is replaced whole. Clones share it; whoever holds what [`current`](Self::current) gave keeps that.
#[derive(Debug, Clone, Default)]
pub struct SharedRing(Arc<RwLock<Arc<KeyRing>>>);

impl SharedRing {
    /// The keys as they were learned last.
    pub fn current(&self) -> Arc<KeyRing> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From here on these are the keys.
    pub fn replace(&self, ring: KeyRing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

impl From<KeyRing> for SharedRing {
    fn from(ring: KeyRing) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(ring))))
    }
}
