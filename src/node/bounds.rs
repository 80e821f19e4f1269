//! From settings to what the data plane is bounded by.

use std::time::Duration;

use crate::config::limits::Limits;
use crate::data;

/// The bounds of a data plane under these settings.
pub(super) fn of(limits: &Limits) -> data::Bounds {
    let count = |most: u64| usize::try_from(most).unwrap_or(usize::MAX);
    data::Bounds {
        uploads: count(limits.uploads),
        uploads_per_client: count(limits.uploads_per_client),
        buffer_bytes: limits.buffer_bytes(),
        buffer_bytes_per_client: limits.buffer_bytes_per_client(),
        free_bytes: limits.free_space_bytes(),
        idle: Duration::from_secs(limits.body_idle_seconds),
    }
}
