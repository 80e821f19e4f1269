//! Who writes which session in this process.
//!
//! - A session has one turn; whoever has it may read and change the journal and the stage.
//! - A newcomer that wants to write displaces the one who writes: that one is told, keeps what it has, and gives its
//!   turn back only when its last write has ended. Of several newcomers the last one stays.
//! - Nothing is kept for sessions that no one uses.
//!
//! Between processes the journal's epoch fences; here, waiting for the turn fences the bytes themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedMutexGuard, watch};

use crate::kernel::id::SessionId;

/// The sessions in use.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<HashMap<SessionId, Arc<Slot>>>);

#[derive(Debug)]
struct Slot {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Counts those who want to write; the newest has the highest number.
    writers: watch::Sender<u64>,
    /// Someone wants to know how far the writer is.
    asked: Notify,
    /// Counts the writer's answers.
    answers: watch::Sender<u64>,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            writers: watch::Sender::new(0),
            asked: Notify::new(),
            answers: watch::Sender::new(0),
        }
    }
}

/// The right to change one session. Given back when it is dropped.
pub(super) struct Turn {
    /// Which session.
    pub(super) session: SessionId,
    number: u64,
    user: User,
    _turn: OwnedMutexGuard<()>,
}

/// A use of a slot; the last one takes it out of the registry.
struct User {
    registry: Arc<Registry>,
    session: SessionId,
    slot: Arc<Slot>,
}

impl Drop for User {
    fn drop(&mut self) {
        let mut slots = self.registry.slots();
        // Every other user holds a count too, and none can come while the registry is locked.
        if Arc::strong_count(&self.slot) == 2 {
            slots.remove(&self.session);
        }
    }
}

impl Registry {
    fn slots(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn user(self: &Arc<Self>, session: SessionId) -> User {
        let slot = self.slots().entry(session).or_default().clone();
        User { registry: self.clone(), session, slot }
    }

    /// Waits for the turn, whatever the one who has it does.
    pub(super) async fn turn(self: &Arc<Self>, session: SessionId) -> Turn {
        let user = self.user(session);
        let turn = user.slot.turn.clone().lock_owned().await;
        let number = *user.slot.writers.borrow();
        Turn { session, number, user, _turn: turn }
    }

    /// The turn, if no one has it.
    pub(super) fn try_turn(self: &Arc<Self>, session: SessionId) -> Option<Turn> {
        let user = self.user(session);
        let turn = user.slot.turn.clone().try_lock_owned().ok()?;
        let number = *user.slot.writers.borrow();
        Some(Turn { session, number, user, _turn: turn })
    }

    /// Displaces the one who has the turn, and waits until its last write has ended.
    pub(super) async fn take_over(self: &Arc<Self>, session: SessionId) -> Turn {
        let user = self.user(session);
        let mut number = 0;
        user.slot.writers.send_modify(|newest| {
            *newest += 1;
            number = *newest;
        });
        let turn = user.slot.turn.clone().lock_owned().await;
        Turn { session, number, user, _turn: turn }
    }

    /// Asks the one who has the turn to make durable what has arrived, and waits until that is done or the turn is
    /// given back. At once, if no one has it.
    pub(super) async fn settle(self: &Arc<Self>, session: SessionId) {
        let user = self.user(session);
        let mut answers = user.slot.answers.subscribe();
        if user.slot.turn.try_lock().is_ok() {
            return;
        }
        user.slot.asked.notify_one();
        tokio::select! {
            _ = answers.changed() => {}
            _ = user.slot.turn.lock() => {}
        }
    }

    /// Sessions in use.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots().len()
    }
}

impl Turn {
    /// Until a newcomer wants to write.
    pub(super) async fn displaced(&self) {
        let mut writers = self.user.slot.writers.subscribe();
        let number = self.number;
        // It cannot be closed: the slot lives as long as this turn.
        let _newer = writers.wait_for(|newest| *newest > number).await;
    }

    /// Until someone asks how far this writer is.
    pub(super) async fn asked(&self) {
        self.user.slot.asked.notified().await;
    }

    /// Says that the journal is now as far as this writer.
    pub(super) fn answer(&self) {
        self.user.slot.answers.send_modify(|answers| *answers += 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use uuid::Uuid;

    use super::*;

    const SESSION: SessionId = SessionId(Uuid::from_u128(1));

    #[tokio::test]
    async fn a_newcomer_waits_for_the_one_it_displaced() {
        let registry = Arc::<Registry>::default();
        let first = registry.take_over(SESSION).await;
        assert!(first.displaced().now_or_never().is_none());
        let mut second = std::pin::pin!(registry.take_over(SESSION));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(first.displaced().now_or_never().is_some());
        drop(first);
        let second = second.await;
        assert!(second.displaced().now_or_never().is_none());
    }

    #[tokio::test]
    async fn of_several_newcomers_the_last_one_stays() {
        let registry = Arc::<Registry>::default();
        let first = registry.take_over(SESSION).await;
        let mut second = std::pin::pin!(registry.take_over(SESSION));
        let mut third = std::pin::pin!(registry.take_over(SESSION));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        let second = second.await;
        assert!(second.displaced().now_or_never().is_some());
        drop(second);
        assert!(third.await.displaced().now_or_never().is_none());
    }

    #[tokio::test]
    async fn settling_waits_for_an_answer_or_the_end() {
        let registry = Arc::<Registry>::default();
        registry.settle(SESSION).await;
        let writer = registry.take_over(SESSION).await;
        let mut settled = std::pin::pin!(registry.settle(SESSION));
        assert!(settled.as_mut().now_or_never().is_none());
        writer.asked().await;
        writer.answer();
        settled.await;
        let mut settled = std::pin::pin!(registry.settle(SESSION));
        assert!(settled.as_mut().now_or_never().is_none());
        drop(writer);
        settled.await;
    }

    #[tokio::test]
    async fn nothing_is_kept_for_sessions_that_no_one_uses() {
        let registry = Arc::<Registry>::default();
        let turn = registry.turn(SESSION).await;
        assert_eq!(registry.len(), 1);
        drop(turn);
        registry.settle(SESSION).await;
        assert_eq!(registry.len(), 0);
    }
}
