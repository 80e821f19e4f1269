//! A pace: how many bytes a second work in the background may take, so that it is never what a client waits for.
//!
//! - Each object costs a minimum beside its bytes: opening it is work for a disk too.
//! - Whoever spends waits for what was spent before, not for what it is going to spend: a piece is never delayed by
//!   itself, and idle time is not saved up.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::kernel::limits::SCRUB_OBJECT_MIN_BYTES;

/// A pace that several may share: clones do.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    bytes_per_second: Option<NonZeroU64>,
    free_at: Arc<Mutex<Option<Instant>>>,
}

impl Pace {
    /// As fast as the store gives.
    pub fn unbounded() -> Self {
        Self::default()
    }

    /// At most so many bytes a second.
    pub fn of(bytes_per_second: NonZeroU64) -> Self {
        Self { bytes_per_second: Some(bytes_per_second), free_at: Arc::default() }
    }

    /// Before an object is opened.
    pub async fn begin(&self) {
        self.spend(SCRUB_OBJECT_MIN_BYTES).await;
    }

    /// Before so many bytes are taken.
    pub async fn spend(&self, bytes: u64) {
        let Some(rate) = self.bytes_per_second else { return };
        let mut free_at = self.free_at.lock().await;
        let (from, until) = turn(*free_at, Instant::now(), bytes, rate);
        *free_at = Some(until);
        drop(free_at);
        tokio::time::sleep_until(from).await;
    }
}

/// When these bytes may be taken, and from when on the next may.
fn turn(free_at: Option<Instant>, now: Instant, bytes: u64, rate: NonZeroU64) -> (Instant, Instant) {
    let from = free_at.map_or(now, |at| at.max(now));
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.get());
    // A piece that would take longer than an hour is not worth waiting for longer.
    let costs = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(LONGEST);
    (from, from + costs)
}

/// The longest wait for one piece.
const LONGEST: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: NonZeroU64 = NonZeroU64::new(1_000).unwrap();

    #[test]
    fn many_bytes_take_the_time_that_their_rate_gives_them() {
        let now = Instant::now();
        let (mut free_at, mut from) = (None, now);
        for _ in 0..5 {
            let (begins, until) = turn(free_at, now, 500, RATE);
            (free_at, from) = (Some(until), begins);
        }
        assert_eq!(from - now, Duration::from_secs(2), "the fifth waits for the four before it");
    }

    #[test]
    fn idle_time_is_not_saved_up_and_no_piece_waits_for_ever() {
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        assert_eq!(turn(Some(now), later, 1_000, RATE), (later, later + Duration::from_secs(1)));
        assert_eq!(turn(None, now, u64::MAX, RATE), (now, now + LONGEST));
    }
}
