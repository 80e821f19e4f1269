//! `strongroom scrub`.

use std::io::IsTerminal;
use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::EXIT_STATUS;
use super::output::{Exit, Output, bytes, plural};
use super::service::Place;
use crate::control::scrub::Progress;
use crate::kernel::event::Selection;
use crate::kernel::id::RepositoryName;
use crate::node::Offline;
use crate::wire::time::Timestamp;

/// Read stored blobs again and put on record what was found.
///
/// Every blob is read to its end and both of its digests compared. What is intact is recorded in summaries, what is
/// corrupt or missing with the signed report of it: from then on it is given to nobody, until the same bytes are deposited
/// again, which repairs it, or a later scrub finds it restored.
///
/// Run on the server, beside a running service or without one. A scrub of all blobs that was interrupted is gone on with
/// behind its last summary. A service does the same by itself, slowly: see `scrub-days` and `scrub-rate` in its settings.
///
/// Where the planes are apart this is run on the machine of the control plane, beside its service: the data nodes read, at
/// their own `scrub-rate`.
///
/// Exit status 3 if anything is damaged or could not be read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// Only blobs that this repository may use.
    #[arg(long, value_name = "REPOSITORY")]
    repository: Option<RepositoryName>,
    /// Only blobs that were stored then or later: a time such as 2026-11-21T00:00:00Z, or an age such as 90m, 36h or 7d.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<u64>,
    /// Bytes a second to read at most; without it, as many as the stores give. Data nodes elsewhere keep to their own.
    #[arg(long, value_name = "BYTES")]
    rate: Option<NonZeroU64>,
    #[command(flatten)]
    place: Place,
}

/// Milliseconds since the epoch.
fn since(text: &str) -> Result<u64, String> {
    let unit = |unit| match unit {
        'm' => Some(60),
        'h' => Some(60 * 60),
        'd' => Some(24 * 60 * 60),
        _ => None,
    };
    let age = text.chars().last().and_then(unit).and_then(|seconds| {
        let count: u64 = text[..text.len() - 1].parse().ok()?;
        Some(Duration::from_secs(count.checked_mul(seconds)?))
    });
    if let Some(age) = age {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        return Ok(u64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(u64::MAX));
    }
    let time: Timestamp = text
        .parse()
        .map_err(|_| "a time such as 2026-11-21T00:00:00Z, or an age in m, h or d, such as 7d".to_owned())?;
    Ok(time.as_ms())
}

pub(super) async fn run(args: Args, output: &Output) -> anyhow::Result<Exit> {
    let selection = Selection { repository: args.repository, since_ms: args.since };
    let offline = Offline::open(args.place.settings()?).await?;
    let stop = CancellationToken::new();
    let interrupted = {
        let stop = stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.cancel();
            }
        })
    };
    let bar = bar();
    let scrubbed = offline
        .scrub(selection, args.rate, &stop, &|at: Progress| {
            bar.set_length(at.bytes_total);
            bar.set_position(at.bytes);
            bar.set_message(format!("{}/{} blobs", at.blobs, at.blobs_total));
        })
        .await;
    interrupted.abort();
    bar.finish_and_clear();
    offline.close().await;
    let done = scrubbed?;
    output.result(&done, |out| writeln!(out, "{}", told(&done)))?;
    let clean = done.corrupt + done.missing + done.unread == 0;
    Ok(if clean { Exit::Done } else { Exit::Findings })
}

fn told(done: &Progress) -> String {
    let mut text = format!("read {}, {}", plural(done.blobs, "blob"), bytes(done.bytes));
    for (count, what) in [
        (done.corrupt, "corrupt"),
        (done.missing, "missing"),
        (done.unread, "could not be read"),
        (done.archived, "archived and not read"),
        (done.restored, "restored"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    if done.corrupt + done.missing > 0 {
        text += "\ndeposit the same bytes again to repair what is damaged; `strongroom show` names it in each package";
    }
    if !done.complete {
        text += "\ninterrupted; the next scrub goes on from here";
    }
    text
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "scrub {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} {msg}";
    ProgressBar::new(0)
        .with_style(ProgressStyle::with_template(template).expect("a template that every scrub uses"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_or_an_age() {
        assert_eq!(since("1970-01-01T00:00:01Z"), Ok(1_000));
        let week_ago = since("7d").unwrap();
        assert!(week_ago < since("1h").unwrap());
        for bad in ["", "7", "d", "7w", "yesterday", "99999999999999999999d"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }
}
