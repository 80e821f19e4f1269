//! How far a transfer is, for whoever shows it.
//!
//! Counters, read whenever someone likes to look; nothing waits for a reader. Bytes that have to be sent again after a
//! lost connection are taken back first, so the count ends at the total.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of one transfer.
#[derive(Debug, Default)]
pub struct Progress {
    total_bytes: AtomicU64,
    read_bytes: AtomicU64,
    done_bytes: AtomicU64,
    total_files: AtomicU64,
    done_files: AtomicU64,
    /// What a transfer that was cut had left.
    found_bytes: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes of the whole package; 0 while it is not known.
    pub total_bytes: u64,
    /// Of those, read from disk and hashed.
    pub read_bytes: u64,
    /// Of those, where they have to be: sent, written, or already there.
    pub done_bytes: u64,
    /// Files of the package.
    pub total_files: u64,
    /// Of those, where they have to be.
    pub done_files: u64,
}

impl Progress {
    /// Nothing done yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            total_bytes: get(&self.total_bytes),
            read_bytes: get(&self.read_bytes),
            done_bytes: get(&self.done_bytes),
            total_files: get(&self.total_files),
            done_files: get(&self.done_files),
        }
    }

    pub(crate) fn expect(&self, files: u64, bytes: u64) {
        self.total_files.fetch_add(files, Ordering::Relaxed);
        self.total_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that need not be moved again: an earlier transfer, which was cut, had got so far.
    pub(crate) fn found_bytes(&self) -> u64 {
        self.found_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn done(&self, files: u64, bytes: u64) {
        self.done_files.fetch_add(files, Ordering::Relaxed);
        self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// One file's part of a [`Progress`].
#[derive(Debug, Clone)]
pub(crate) struct Share(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    whole: Arc<Progress>,
    counted: AtomicU64,
    moved: AtomicU64,
}

impl Share {
    pub(crate) fn of(whole: &Arc<Progress>) -> Self {
        Self(Arc::new(Inner { whole: whole.clone(), counted: AtomicU64::new(0), moved: AtomicU64::new(0) }))
    }

    /// More bytes are on their way.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.moved.fetch_add(bytes, Ordering::Relaxed);
        self.0.counted.fetch_add(bytes, Ordering::Relaxed);
        self.0.whole.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes are there for certain, more or fewer than were counted.
    pub(crate) fn set(&self, bytes: u64) {
        let before = self.0.counted.swap(bytes, Ordering::Relaxed);
        // Wrapping: what was counted too much is taken off.
        self.0.whole.done_bytes.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
    }

    /// An earlier transfer had got so far with this file.
    pub(crate) fn found(&self, bytes: u64) {
        self.0.whole.found_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// All of the file is where it has to be.
    pub(crate) fn finish(&self, bytes: u64) {
        self.set(bytes);
        self.0.whole.done_files.fetch_add(1, Ordering::Relaxed);
    }

    /// So many more files have the same content, and are where they have to be.
    pub(crate) fn others(&self, files: u64) {
        self.0.whole.done_files.fetch_add(files, Ordering::Relaxed);
    }

    /// Bytes that ever moved; grows as long as anything does.
    pub(crate) fn moved(&self) -> u64 {
        self.0.moved.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_sent_twice_are_counted_once() {
        let progress = Progress::new();
        progress.expect(1, 100);
        let share = Share::of(&progress);
        share.add(60);
        share.set(40);
        share.add(60);
        share.finish(100);
        let expected =
            Snapshot { total_bytes: 100, done_bytes: 100, total_files: 1, done_files: 1, read_bytes: 0 };
        assert_eq!(progress.snapshot(), expected);
        assert_eq!(share.moved(), 120);
    }
}
