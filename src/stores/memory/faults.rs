//! Faults to order: which step fails, and whether it was done all the same; or which one hangs, and is done late.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// A step of a store, in which it may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// [`Store::put`](crate::stores::Store::put).
    Put,
    /// [`Store::stage`](crate::stores::Store::stage).
    Stage,
    /// [`Staged::reread`](crate::stores::Staged::reread).
    Reread,
    /// [`Staged::write`](crate::stores::Staged::write).
    Write,
    /// [`Staged::sync`](crate::stores::Staged::sync).
    Sync,
    /// [`Staged::seal`](crate::stores::Staged::seal).
    Seal,
    /// [`Store::abandon`](crate::stores::Store::abandon).
    Abandon,
    /// [`Store::read`](crate::stores::Store::read).
    Read,
    /// [`Store::size`](crate::stores::Store::size).
    Size,
    /// [`Store::delete`](crate::stores::Store::delete).
    Delete,
    /// [`Store::load`](crate::stores::Store::load).
    Load,
    /// [`Store::swap`](crate::stores::Store::swap).
    Swap,
    /// [`Store::names`](crate::stores::Store::names) and [`Store::list`](crate::stores::Store::list).
    List,
}

/// How a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was done.
    Failed,
    /// It was done, but the caller is told that it was not: a lost answer.
    FailedButPersisted,
    /// Nothing was done, for there is no room.
    Full,
}

/// The plan of faults of a memory store, and the record of its steps.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
    released: Notify,
}

#[derive(Debug, Default)]
struct Plan {
    /// The steps since the plan was made.
    taken: Vec<Step>,
    /// Which of them fails, and how.
    fault: Option<(usize, Fault)>,
    /// Which of them hangs, until it does.
    hangs: Option<usize>,
    /// The one that does.
    hanging: Option<Step>,
    /// After the fault everything fails, until [`Faults::clear`]: the process is as good as dead.
    fatal: bool,
}

impl Faults {
    /// The step number `index` (0-based, counted from now) fails once.
    pub fn fail(&self, index: usize, fault: Fault) {
        *self.plan() = Plan { fault: Some((index, fault)), ..Plan::default() };
    }

    /// As [`Self::fail`], and every step after it fails too.
    pub fn fail_from(&self, index: usize, fault: Fault) {
        *self.plan() = Plan { fault: Some((index, fault)), fatal: true, ..Plan::default() };
    }

    /// The step number `index` hangs: it is done only after [`Self::release`], if nothing has made it impossible by then.
    pub fn hang(&self, index: usize) {
        *self.plan() = Plan { hangs: Some(index), ..Plan::default() };
    }

    /// The step that hangs now.
    pub fn hanging(&self) -> Option<Step> {
        self.plan().hanging
    }

    /// Lets the step that hangs go on.
    pub fn release(&self) {
        self.plan().hanging = None;
        self.released.notify_one();
    }

    /// Whether this step, which is about to be taken, is to hang.
    pub(super) fn hangs(&self, step: Step) -> bool {
        let mut plan = self.plan();
        let hangs = plan.hangs == Some(plan.taken.len());
        if hangs {
            (plan.hangs, plan.hanging) = (None, Some(step));
        }
        hangs
    }

    pub(super) async fn until_released(&self) {
        self.released.notified().await;
    }

    /// Before a step: its turn comes at once, unless it is to hang.
    pub(super) async fn turn(&self, step: Step) {
        if self.hangs(step) {
            self.until_released().await;
        }
    }

    /// Nothing fails any more. Gives the steps since the last plan.
    pub fn clear(&self) -> Vec<Step> {
        std::mem::take(&mut *self.plan()).taken
    }

    /// What happens to this step.
    pub(super) fn next(&self, step: Step) -> Option<Fault> {
        let mut plan = self.plan();
        let index = plan.taken.len();
        plan.taken.push(step);
        let (at, fault) = plan.fault?;
        match index.cmp(&at) {
            std::cmp::Ordering::Equal => Some(fault),
            std::cmp::Ordering::Greater if plan.fatal => Some(Fault::Failed),
            _ => None,
        }
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
