//! Receipts from the data plane to the control plane, by a call.

use async_trait::async_trait;

use crate::control::Control;
use crate::control::receipts::{self, Accepted, Verdict};
use crate::data::{Deliver, Disposition, Undelivered};

/// In this process.
pub(super) struct InProcess {
    control: Control,
}

impl InProcess {
    pub(super) fn new(control: Control) -> Self {
        Self { control }
    }
}

#[async_trait]
impl Deliver for InProcess {
    async fn deliver(&self, receipt: &str) -> Result<Disposition, Undelivered> {
        disposition(receipts::accept(&self.control, None, receipt).await)
    }

    async fn deliver_all(&self, receipts: &[&str]) -> Vec<Result<Disposition, Undelivered>> {
        receipts::accept_all(&self.control, None, receipts).await.into_iter().map(disposition).collect()
    }
}

fn disposition(outcome: Result<Accepted, receipts::Error>) -> Result<Disposition, Undelivered> {
    match receipts::verdict(outcome) {
        Ok(Verdict::Kept) => Ok(Disposition::Accepted),
        Ok(Verdict::Discarded) => Ok(Disposition::Discarded),
        Err(error) => Err(Undelivered(error.to_string())),
    }
}
