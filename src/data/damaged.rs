//! Objects that were found corrupt or missing here: a grant that was given before the log knew is refused all the same.
//!
//! - Known in this process only, and only so many; what is forgotten is found again by the reading itself, which
//!   verifies what it gives out.
//! - A repaired blob has another object, so an entry never stands in the way of a repair.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::kernel::id::ObjectKey;
use crate::kernel::limits::DAMAGED_KNOWN_MAX;

/// What is known. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Damaged(Arc<Mutex<HashSet<ObjectKey>>>);

impl Damaged {
    fn known(&self) -> MutexGuard<'_, HashSet<ObjectKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is not what it was.
    pub(super) fn insert(&self, object: &ObjectKey) {
        let mut known = self.known();
        if known.len() < DAMAGED_KNOWN_MAX {
            known.insert(object.clone());
        }
    }

    /// It is what it was, by now.
    pub(super) fn remove(&self, object: &ObjectKey) {
        self.known().remove(object);
    }

    /// Whether it was found to be damaged.
    pub fn contains(&self, object: &ObjectKey) -> bool {
        self.known().contains(object)
    }
}
