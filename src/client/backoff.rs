//! How long to wait before a request is repeated.
//!
//! - Waits double from [`CLIENT_BACKOFF_FIRST_MS`] to [`CLIENT_BACKOFF_MAX_MS`], each shortened by chance, so that
//!   many clients of a server that comes back do not arrive together.
//! - A `Retry-After` of the server is obeyed if it fits the patience.
//! - Patience is counted from the first failure after a success: an upload that moves never runs out of it, and a
//!   quiet event stream neither.

use std::time::{Duration, Instant};

use crate::kernel::limits::{CLIENT_BACKOFF_FIRST_MS, CLIENT_BACKOFF_MAX_MS};

/// The tries since something last worked.
#[derive(Debug)]
pub(crate) struct Backoff {
    /// Since when nothing works; none while everything does.
    since: Option<Instant>,
    patience: Duration,
    tries: u32,
}

impl Backoff {
    pub(crate) const fn new(patience: Duration) -> Self {
        Self { since: None, patience, tries: 0 }
    }

    /// Something worked: all patience is there again.
    pub(crate) const fn reset(&mut self) {
        *self = Self::new(self.patience);
    }

    /// How long to wait now; none if that would be longer than the patience left.
    fn next(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        let full = CLIENT_BACKOFF_FIRST_MS.saturating_mul(1 << self.tries.min(16)).min(CLIENT_BACKOFF_MAX_MS);
        self.tries += 1;
        let chance = rand::random_range(full / 2..=full);
        let wait = Duration::from_millis(chance).max(retry_after.unwrap_or_default());
        let since = self.since.get_or_insert_with(Instant::now);
        (since.elapsed() + wait <= self.patience).then_some(wait)
    }

    /// Waits. False, at once, if patience has run out.
    pub(crate) async fn wait(&mut self, retry_after: Option<Duration>) -> bool {
        match self.next(retry_after) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        let waits: Vec<_> = (0..20).map(|_| backoff.next(None).unwrap().as_millis() as u64).collect();
        assert!(waits[0] <= CLIENT_BACKOFF_FIRST_MS);
        assert!(waits.iter().all(|ms| *ms <= CLIENT_BACKOFF_MAX_MS));
        assert!(*waits.last().unwrap() >= CLIENT_BACKOFF_MAX_MS / 2);
    }

    #[test]
    fn a_retry_after_beyond_the_patience_ends_it() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        assert!(backoff.next(Some(Duration::from_secs(2))).unwrap() >= Duration::from_secs(2));
        assert_eq!(backoff.next(Some(Duration::from_secs(3600))), None);
        assert_eq!(Backoff::new(Duration::ZERO).next(None), None);
    }
}
