//! Schedules of policies, looked at now and then.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::scrub::Post;
use crate::control::Context;
use crate::control::plans::schedule::{self, Outcome, Ran};
use crate::kernel::limits::SCHEDULE_LOOK_SECONDS;

impl Post {
    /// Runs policies that are due, until it is told to stop. Nothing is deleted by a log that does not continue what was signed.
    pub(super) async fn keep_schedules(self: Arc<Self>, context: Context, stop: CancellationToken) {
        let mut since_ms = self.clock.now_ms();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(SCHEDULE_LOOK_SECONDS)) => {}
            }
            if let Err(error) = self.prove().await {
                tracing::error!(%error, "no policy runs");
                continue;
            }
            let now_ms = self.clock.now_ms();
            match schedule::run_due(&self.control, &context, since_ms, now_ms).await {
                Ok(ran) => {
                    since_ms = now_ms;
                    ran.iter().for_each(tell);
                }
                Err(error) => tracing::error!(%error, "looking which policies are due"),
            }
        }
    }
}

fn tell(ran: &Ran) {
    let policy = &ran.policy;
    match &ran.outcome {
        Ok(Outcome::Nothing) => tracing::debug!(%policy, "a scheduled plan does nothing"),
        Ok(Outcome::Submitted(plan)) => tracing::info!(%policy, %plan, "a scheduled plan was submitted"),
        Ok(Outcome::Applied { plan, deleted, locked, skipped }) => {
            tracing::info!(%policy, %plan, deleted, locked, skipped, "a scheduled plan was applied");
        }
        Err(error) => {
            metrics::counter!("strongroom_schedule_failures_total").increment(1);
            tracing::error!(%policy, %error, "a scheduled plan failed");
        }
    }
}
