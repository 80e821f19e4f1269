//! A budget that clients share.
//!
//! - No client gets more than its share of it, so one with hundreds of uploads leaves room for the others: whoever waits
//!   for its own share waits behind itself only, and the common queue holds no more of anyone than a share.
//! - A client is the actor of a grant: all tokens of one subject are one client.
//! - Nothing is kept for clients that hold nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::kernel::id::Actor;

/// Clients after which those that hold nothing are forgotten.
const FORGET_AFTER: usize = 256;

/// What all clients together may hold.
#[derive(Debug)]
pub(super) struct Budget {
    all: Arc<Semaphore>,
    total: usize,
    share: usize,
    clients: Mutex<HashMap<Actor, Weak<Semaphore>>>,
}

/// One client's way to a budget.
#[derive(Debug, Clone)]
pub(super) struct Purse {
    all: Arc<Semaphore>,
    client: Arc<Semaphore>,
}

/// A part of a budget. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Paid {
    all: OwnedSemaphorePermit,
    client: OwnedSemaphorePermit,
}

/// Why there is nothing to be had now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Short {
    /// The client has its share.
    Client,
    /// All of it is given out.
    All,
}

impl Budget {
    /// Of so much, of which one client gets so much; at least `least` of either.
    pub(super) fn new(total: usize, share: usize, least: usize) -> Self {
        let total = total.clamp(least, Semaphore::MAX_PERMITS);
        let share = share.clamp(least, total);
        Self { all: Arc::new(Semaphore::new(total)), total, share, clients: Mutex::default() }
    }

    /// A client's way to it.
    pub(super) fn purse(&self, client: &Actor) -> Purse {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.get(client).and_then(Weak::upgrade);
        let client = known.unwrap_or_else(|| {
            if clients.len() >= FORGET_AFTER {
                clients.retain(|_, semaphore| semaphore.strong_count() > 0);
            }
            let fresh = Arc::new(Semaphore::new(self.share));
            clients.insert(client.clone(), Arc::downgrade(&fresh));
            fresh
        });
        Purse { all: self.all.clone(), client }
    }

    /// What is given out now.
    pub(super) fn used(&self) -> usize {
        self.total - self.all.available_permits()
    }

    /// What there is.
    pub(super) const fn total(&self) -> usize {
        self.total
    }

    /// What one client gets of it.
    pub(super) const fn share(&self) -> usize {
        self.share
    }
}

impl Purse {
    /// Waits for so much: first for the client's share, then for the others. Whoever holds some must not wait for more.
    pub(super) async fn take(&self, amount: u32) -> Paid {
        let client = self.client.clone().acquire_many_owned(amount).await.expect("never closed");
        let all = self.all.clone().acquire_many_owned(amount).await.expect("never closed");
        Paid { all, client }
    }

    /// So much, if it is there now.
    pub(super) fn take_now(&self, amount: u32) -> Result<Paid, Short> {
        let client = self.client.clone().try_acquire_many_owned(amount).map_err(|_| Short::Client)?;
        let all = self.all.clone().try_acquire_many_owned(amount).map_err(|_| Short::All)?;
        Ok(Paid { all, client })
    }
}

impl Paid {
    /// How much it is.
    pub(super) fn amount(&self) -> usize {
        self.all.num_permits()
    }

    /// Puts two of one client together.
    pub(super) fn merge(&mut self, other: Self) {
        self.all.merge(other.all);
        self.client.merge(other.client);
    }

    /// Gives back all but so much.
    pub(super) fn shrink_to(&mut self, amount: usize) {
        let surplus = self.amount().saturating_sub(amount);
        drop((self.all.split(surplus), self.client.split(surplus)));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn actor(name: &str) -> Actor {
        name.parse().unwrap()
    }

    #[test]
    fn one_client_leaves_room_for_another() {
        let budget = Budget::new(10, 6, 1);
        let (greedy, modest) = (budget.purse(&actor("greedy")), budget.purse(&actor("modest")));
        let mut held = greedy.take_now(6).unwrap();
        assert_eq!(greedy.take_now(1).unwrap_err(), Short::Client);
        assert!(greedy.take(1).now_or_never().is_none());
        // Whoever queues for a share of its own stands in nobody's way.
        let mut queue: Vec<_> = (0..100).map(|_| Box::pin(greedy.take(1))).collect();
        assert!(queue.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        let other = modest.take(4).now_or_never().expect("there is room");
        assert_eq!(modest.take_now(1).unwrap_err(), Short::All);
        assert_eq!((budget.used(), budget.total(), budget.share()), (10, 10, 6));
        drop(queue);
        held.shrink_to(1);
        held.merge(greedy.take_now(2).unwrap());
        assert_eq!(held.amount(), 3);
        drop((held, other));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_share_is_the_same_under_every_purse_of_a_client_and_forgotten_without_any() {
        let budget = Budget::new(1_000, 2, 1);
        let held = budget.purse(&actor("a")).take_now(2).unwrap();
        assert_eq!(budget.purse(&actor("a")).take_now(1).unwrap_err(), Short::Client);
        for n in 0..10 * FORGET_AFTER {
            drop(budget.purse(&actor(&format!("client-{n}"))));
        }
        assert!(budget.clients.lock().unwrap().len() <= FORGET_AFTER + 1);
        assert_eq!(budget.purse(&actor("a")).take_now(1).unwrap_err(), Short::Client, "it still holds some");
        drop(held);
        assert!(budget.purse(&actor("a")).take_now(2).is_ok());
    }
}
