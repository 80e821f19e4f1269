//! `strongroom gc`.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::output::{Exit, Output, bytes, plural};
use super::{EXIT_STATUS, Global, connect};
use crate::wire::collection::{Amount, CollectionStatus};

/// Delete bytes that no package needs any more.
///
/// A blob that no package references is deleted after a grace; the service does so by itself, once an hour. From the event
/// `blob.deletion-started` on it is absent for everyone, `blob.deleted` says that its bytes are gone. Uploads go on.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what may go now, what has to wait, and what was deleted so far.
    ///
    /// Needs `retention:plan`.
    #[command(after_help = EXIT_STATUS)]
    Status,
    /// Delete what may go now.
    ///
    /// Repeating it, or running it twice at once, does no harm. Fails if something could not be deleted; it stays absent,
    /// and is tried again by the next run.
    ///
    /// Needs `retention:apply`.
    #[command(after_help = EXIT_STATUS)]
    Run,
}

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Run {
    started: Amount,
    deleted: Amount,
    failed: u64,
    reason: Option<String>,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::Status => {
            let status = client.collection().await?;
            output.result(&status, |out| {
                for (what, amount) in lines(&status) {
                    writeln!(out, "{what:<12}{} ({})", plural(amount.count, "blob"), bytes(amount.bytes))?;
                }
                writeln!(out, "{:<12}{}", "grace", hours(status.grace_seconds))?;
                match &status.next_at {
                    Some(at) => writeln!(out, "{:<12}{at}", "next"),
                    None => Ok(()),
                }
            })?;
            Ok(Exit::Done)
        }
        Command::Run => {
            let status = client.collection().await?;
            let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {per_sec} {eta}");
            let bar = ProgressBar::new(status.free.count + status.deleting.count);
            let bar =
                bar.with_style(style.expect("a template that is tried by every run")).with_prefix("deleting");
            let (mut run, mut from) = (Run::default(), None);
            loop {
                let step = client.collect(from).await?;
                bar.inc(step.deleted.count);
                add(&mut run.started, step.started);
                add(&mut run.deleted, step.deleted);
                run.failed += step.failed;
                run.reason = run.reason.or(step.reason);
                match step.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
            bar.finish_and_clear();
            output.result(&run, |out| {
                let objects = plural(run.deleted.count, "object");
                writeln!(
                    out,
                    "deleted {objects}, freed {} ({} bytes)",
                    bytes(run.deleted.bytes),
                    run.deleted.bytes
                )
            })?;
            match run.reason {
                None => Ok(Exit::Done),
                Some(reason) => {
                    anyhow::bail!("{} could not be deleted: {reason}", plural(run.failed, "object"))
                }
            }
        }
    }
}

fn lines(status: &CollectionStatus) -> [(&'static str, Amount); 4] {
    [
        ("free", status.free),
        ("waiting", status.waiting),
        ("in deletion", status.deleting),
        ("deleted", status.deleted),
    ]
}

fn add(total: &mut Amount, more: Amount) {
    total.count += more.count;
    total.bytes += more.bytes;
}

fn hours(seconds: u64) -> String {
    plural(seconds / 3_600, "hour")
}
