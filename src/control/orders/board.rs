//! Orders on a board: data nodes look at it for what is to be done, and bring their reports back.
//!
//! ```text
//! posted -> taken, for a while -> reported -> fetched by whoever asked
//!    ^            | its node is silent
//!    +------------+
//! ```
//! - In memory: who wants something done asks until there is a report, and posts it again after a restart.
//! - A node that looks again names what it has in hand, which is then left to it. What a node does not name for
//!   [`ORDER_LEASE_SECONDS`] is given to the next that looks: obeying an order twice is harmless.
//! - A node is given what it has the stores for, both of them for a move.
//! - What nobody asks for any more is taken down.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{Carry, NotCarried};
use crate::contract::{Order, Report};
use crate::kernel::id::{OrderId, StoreName};
use crate::kernel::limits::{
    ORDER_FORGOTTEN_SECONDS, ORDER_LEASE_SECONDS, ORDER_POLL_SECONDS, ORDER_UNTAKEN_SECONDS,
    ORDERS_IN_HAND_MAX,
};

/// The board of a control plane.
#[derive(Debug)]
pub struct Board {
    posted: Mutex<BTreeMap<OrderId, Posted>>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Posted {
    order: Order,
    text: String,
    asked_at: Instant,
    /// Since when nobody has it in hand.
    idle_since: Instant,
    /// Until when it is left to whoever took it.
    taken_until: Option<Instant>,
    report: Option<String>,
}

impl Default for Board {
    fn default() -> Self {
        Self { posted: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Board {
    fn on_it(&self) -> MutexGuard<'_, BTreeMap<OrderId, Posted>> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The order, if it is posted.
    pub(super) fn posted(&self, text: &str) -> Option<Order> {
        self.on_it().values().find(|posted| posted.text == text).map(|posted| posted.order.clone())
    }

    /// Posts an order unless it is posted, and gives its report if it comes in time. None: ask again.
    ///
    /// # Errors
    /// If no node takes it.
    pub async fn ask(
        &self,
        order: &Order,
        text: &str,
        patience: Duration,
    ) -> Result<Option<String>, NotCarried> {
        let deadline = Instant::now() + patience;
        let mut changed = self.changed.subscribe();
        if self.post(order, text, Instant::now()) {
            self.changed.send_replace(());
        }
        loop {
            if let Some(report) = self.fetch(order, Instant::now())? {
                return Ok(Some(report));
            }
            if timeout_at(deadline, changed.changed()).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Whether it was not there.
    fn post(&self, order: &Order, text: &str, now: Instant) -> bool {
        let mut posted = self.on_it();
        let is_wanted = |posted: &Posted| {
            now.duration_since(posted.asked_at) < Duration::from_secs(ORDER_FORGOTTEN_SECONDS)
        };
        posted.retain(|_, posted| is_wanted(posted));
        if let Some(posted) = posted.get_mut(&order.id) {
            posted.asked_at = now;
            return false;
        }
        let (order, text) = (order.clone(), text.to_owned());
        let id = order.id;
        let new = Posted { order, text, asked_at: now, idle_since: now, taken_until: None, report: None };
        posted.insert(id, new);
        true
    }

    /// The report, which is taken down then.
    fn fetch(&self, order: &Order, now: Instant) -> Result<Option<String>, NotCarried> {
        let mut on_it = self.on_it();
        let Some(posted) = on_it.get_mut(&order.id) else { return Ok(None) };
        posted.asked_at = now;
        if let Some(report) = posted.report.take() {
            on_it.remove(&order.id);
            return Ok(Some(report));
        }
        posted.lapse(now);
        let idle = now.duration_since(posted.idle_since);
        if posted.taken_until.is_none() && idle >= Duration::from_secs(ORDER_UNTAKEN_SECONDS) {
            on_it.remove(&order.id);
            let stores: Vec<&str> = order.stores().map(StoreName::as_str).collect();
            let stores = stores.join(" and ");
            return Err(NotCarried(format!(
                "no data node that has store {stores} has asked for orders for {ORDER_UNTAKEN_SECONDS} seconds"
            )));
        }
        Ok(None)
    }

    /// The orders for a node that has these stores, as soon as there are any, and at the latest when that time is over.
    /// What it has in hand stays with it.
    pub async fn take(&self, stores: &[StoreName], in_hand: &[OrderId], patience: Duration) -> Vec<String> {
        let deadline = Instant::now() + patience;
        let mut changed = self.changed.subscribe();
        loop {
            let taken = self.take_now(stores, in_hand, Instant::now());
            if !taken.is_empty()
                || stores.is_empty()
                || timeout_at(deadline, changed.changed()).await.is_err()
            {
                return taken;
            }
        }
    }

    fn take_now(&self, stores: &[StoreName], in_hand: &[OrderId], now: Instant) -> Vec<String> {
        let until = Some(now + Duration::from_secs(ORDER_LEASE_SECONDS));
        let mut on_it = self.on_it();
        for id in in_hand {
            if let Some(posted) = on_it.get_mut(id) {
                posted.taken_until = until;
            }
        }
        let mut taken = Vec::new();
        let room = ORDERS_IN_HAND_MAX.saturating_sub(in_hand.len());
        for posted in on_it.values_mut() {
            posted.lapse(now);
            let is_free = posted.taken_until.is_none() && posted.report.is_none();
            let is_able = || posted.order.stores().all(|store| stores.contains(store));
            if taken.len() < room && is_free && is_able() {
                posted.taken_until = until;
                taken.push(posted.text.clone());
            }
        }
        taken
    }

    /// Puts a report to its order. Whether somebody waits for it.
    pub(super) fn report(&self, report: &Report, text: &str) -> bool {
        let mut on_it = self.on_it();
        let about = |posted: &&mut Posted| {
            (&posted.order.store, &posted.order.object) == (&report.store, &report.object)
        };
        let Some(posted) = on_it.get_mut(&report.order).filter(about) else { return false };
        posted.report = Some(text.to_owned());
        drop(on_it);
        self.changed.send_replace(());
        true
    }
}

impl Posted {
    /// Frees it from a node that has been silent for too long.
    fn lapse(&mut self, now: Instant) {
        if let Some(until) = self.taken_until.filter(|until| *until <= now) {
            self.idle_since = until;
            self.taken_until = None;
        }
    }
}

#[async_trait]
impl Carry for Board {
    async fn carry(&self, order: &Order, text: &str) -> Result<String, NotCarried> {
        loop {
            if let Some(report) = self.ask(order, text, Duration::from_secs(ORDER_POLL_SECONDS)).await? {
                return Ok(report);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::contract::{Delete, Move, Outcome, Reported, Task};
    use crate::kernel::digest::Digests;
    use crate::kernel::id::ObjectKey;

    const NOW: Duration = Duration::ZERO;

    fn order(number: u128) -> Order {
        Order {
            id: OrderId(Uuid::from_u128(number)),
            store: "main".parse().unwrap(),
            object: ObjectKey::from_uuid(Uuid::from_u128(number)),
            issued_at_seconds: 0,
            expires_at_seconds: 0,
            task: Task::Delete(Delete { discarded_at: 7 }),
        }
    }

    fn report(order: &Order) -> Report {
        Report {
            order: order.id,
            node: "d1".parse().unwrap(),
            store: order.store.clone(),
            object: order.object.clone(),
            at_ms: 0,
            task: Reported::Delete,
            outcome: Outcome::Done,
        }
    }

    fn main_store() -> [StoreName; 1] {
        ["main".parse().unwrap()]
    }

    #[tokio::test]
    async fn an_order_is_given_to_one_node_and_its_report_to_whoever_asks() {
        let (board, order) = (Board::default(), order(1));
        assert_eq!(board.ask(&order, "order", NOW).await, Ok(None));
        assert_eq!(board.take(&["other".parse().unwrap()], &[], NOW).await, [""; 0]);
        assert_eq!(board.take(&main_store(), &[], NOW).await, ["order"]);
        assert_eq!(board.take(&main_store(), &[], NOW).await, [""; 0]);
        assert!(!board.report(&Report { object: ObjectKey::from_uuid(Uuid::nil()), ..report(&order) }, "no"));
        assert!(board.report(&report(&order), "done"));
        assert_eq!(board.ask(&order, "order", NOW).await, Ok(Some("done".to_owned())));
        assert!(!board.report(&report(&order), "done"), "nobody waits for it any more");
    }

    #[test]
    fn a_move_is_given_to_a_node_that_has_both_stores() {
        let (board, start) = (Board::default(), Instant::now());
        let to_cold = Move {
            digests: Digests::of(b""),
            size_bytes: 0,
            to_store: "cold".parse().unwrap(),
            to_object: ObjectKey::from_uuid(Uuid::from_u128(2)),
        };
        let order = Order { task: Task::Move(to_cold), ..order(1) };
        board.post(&order, "move", start);
        let late = start + Duration::from_secs(ORDER_UNTAKEN_SECONDS);
        for stores in [["main"], ["cold"]] {
            let stores = stores.map(|store| store.parse().unwrap());
            assert_eq!(board.take_now(&stores, &[], late), [""; 0]);
        }
        let refused = board.fetch(&order, late).unwrap_err();
        assert!(refused.to_string().contains("store main and cold has"), "{refused}");
        board.post(&order, "move", start);
        let both = ["cold", "main"].map(|store| store.parse().unwrap());
        assert_eq!(board.take_now(&both, &[], start), ["move"]);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let (board, order) = (std::sync::Arc::new(Board::default()), order(1));
        let (carrying, carried) = (board.clone(), order.clone());
        let asked = tokio::spawn(async move { carrying.carry(&carried, "order").await });
        assert_eq!(board.take(&main_store(), &[], Duration::from_secs(5)).await, ["order"]);
        assert!(board.report(&report(&order), "done"));
        assert_eq!(asked.await.unwrap(), Ok("done".to_owned()));
    }

    #[test]
    fn an_order_stays_with_a_node_that_names_it_and_goes_on_when_that_is_silent() {
        let (board, order, start) = (Board::default(), order(1), Instant::now());
        let half = Duration::from_secs(ORDER_LEASE_SECONDS) / 2;
        board.post(&order, "order", start);
        assert_eq!(board.take_now(&main_store(), &[], start), ["order"]);
        for n in 1..=3 {
            let now = start + half * n;
            assert_eq!(board.fetch(&order, now), Ok(None));
            assert_eq!(board.take_now(&main_store(), &[order.id], now), [""; 0]);
        }
        assert_eq!(board.take_now(&main_store(), &[], start + half * 4), [""; 0]);
        assert_eq!(board.take_now(&main_store(), &[], start + half * 5), ["order"]);
    }

    #[test]
    fn an_order_that_no_node_takes_is_given_up_and_one_that_nobody_asks_for_is_taken_down() {
        let (board, one, other, start) = (Board::default(), order(1), order(2), Instant::now());
        board.post(&one, "order", start);
        let late = start + Duration::from_secs(ORDER_UNTAKEN_SECONDS);
        assert_eq!(board.fetch(&one, late - Duration::from_secs(1)), Ok(None));
        let refused = board.fetch(&one, late).unwrap_err();
        assert!(refused.to_string().contains("no data node that has store main"), "{refused}");
        board.post(&one, "order", start);
        let forgotten = start + Duration::from_secs(ORDER_FORGOTTEN_SECONDS);
        board.post(&other, "other", forgotten);
        assert_eq!(board.take_now(&main_store(), &[], forgotten), ["other"]);
    }
}
