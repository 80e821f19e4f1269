//! Room that uploads leave free where the objects lie, for the log, the database and whoever else is there.
//!
//! - The store says how much is free; what was admitted since is taken off, so that many uploads cannot pass between two
//!   measurements. It is measured at most every [`MEASURED_FOR`], but before each refusal that follows another: room that
//!   was made counts at once.
//! - A store that cannot say, such as a bucket, has room.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::DataPlane;
use super::session;
use crate::stores::{Error, Store};

/// How long a measurement counts: long against one, short against filling what is kept free.
const MEASURED_FOR: Duration = Duration::from_millis(200);

/// The room of one store.
#[derive(Debug)]
pub(super) struct Room {
    keep_free: u64,
    measured_for: Duration,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    at: Option<Instant>,
    /// Bytes that are left to be given out; none where the store cannot say.
    free: Option<u64>,
    /// Some of it was given out since it was measured.
    given: bool,
    refusing: bool,
}

impl Room {
    pub(super) fn keeping(keep_free: u64) -> Self {
        Self { keep_free, measured_for: MEASURED_FOR, seen: Mutex::default() }
    }

    /// Takes room for so many bytes that are about to be written.
    pub(super) async fn take(&self, store: &dyn Store, bytes: u64) -> Result<(), Error> {
        if self.keep_free == 0 {
            return Ok(());
        }
        if !self.is_fresh() {
            let free = store.free_bytes().await?;
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            (seen.at, seen.free, seen.given) = (Some(Instant::now()), free, false);
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(free) = seen.free else { return Ok(()) };
        let has_room = free >= self.keep_free.saturating_add(bytes);
        if has_room {
            seen.free = Some(free - bytes);
            seen.given |= bytes > 0;
        } else {
            metrics::counter!("strongroom_uploads_without_room_total").increment(1);
        }
        if seen.refusing == has_room {
            seen.refusing = !has_room;
            match has_room {
                true => tracing::info!(free, "there is room for uploads again"),
                false => {
                    tracing::error!(free, keep_free = self.keep_free, "no room left: uploads are refused")
                }
            }
        }
        if has_room { Ok(()) } else { Err(Error::Full) }
    }

    fn is_fresh(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = seen.at.is_some_and(|at| at.elapsed() < self.measured_for);
        is_recent && (seen.given || !seen.refusing)
    }
}

impl DataPlane {
    /// Whether any bytes may come: more than what is kept free has to be left.
    ///
    /// # Errors
    /// [`session::Error::Full`] if not.
    pub async fn check_room(&self) -> Result<(), session::Error> {
        Ok(self.take_room(0).await?)
    }

    /// Takes room for so many bytes that are about to be written.
    pub(super) async fn take_room(&self, bytes: u64) -> Result<(), Error> {
        let inner = &self.0;
        inner.room.take(&*inner.config.store, bytes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::Memory;

    fn measured_for(keep_free: u64, measured_for: Duration) -> Room {
        Room { measured_for, ..Room::keeping(keep_free) }
    }

    #[tokio::test]
    async fn what_is_kept_free_stays_free() {
        let store = Memory::new();
        let room = measured_for(100, Duration::ZERO);
        room.take(&store, 1 << 40).await.expect("a store that cannot say has room");
        store.set_free_bytes(Some(150));
        room.take(&store, 50).await.unwrap();
        assert!(matches!(room.take(&store, 51).await, Err(Error::Full)));
        store.set_free_bytes(Some(99));
        assert!(matches!(room.take(&store, 0).await, Err(Error::Full)));
        store.set_free_bytes(Some(100));
        room.take(&store, 0).await.expect("room again, as soon as there is some");
        store.set_free_bytes(Some(0));
        measured_for(0, Duration::ZERO).take(&store, 1).await.expect("nothing is kept free");
    }

    #[tokio::test]
    async fn room_that_was_made_counts_at_once() {
        let store = Memory::new();
        store.set_free_bytes(Some(99));
        let room = measured_for(100, Duration::from_secs(3_600));
        assert!(matches!(room.take(&store, 1).await, Err(Error::Full)));
        assert!(matches!(room.take(&store, 0).await, Err(Error::Full)));
        store.set_free_bytes(Some(101));
        room.take(&store, 1).await.unwrap();
        assert!(matches!(room.take(&store, 1).await, Err(Error::Full)), "that was all");
    }

    #[tokio::test]
    async fn what_was_given_out_is_gone_before_it_is_written() {
        let store = Memory::new();
        store.set_free_bytes(Some(150));
        let room = measured_for(100, Duration::from_secs(3_600));
        room.take(&store, 30).await.unwrap();
        assert!(matches!(room.take(&store, 30).await, Err(Error::Full)));
        room.take(&store, 20).await.unwrap();
        assert!(matches!(room.take(&store, 1).await, Err(Error::Full)));
    }
}
