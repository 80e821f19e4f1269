//! `strongroom tier`.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::output::{Exit, Output, bytes, plural, table};
use super::{EXIT_STATUS, Global, connect};
use crate::client::Client;
use crate::wire::collection::Amount;
use crate::wire::tier::{StoreStanding, TierStatus};

/// Move bytes to the tier where they are to lie.
///
/// Plans give packages a tier (`action = { tier = "cold" }` in a policy). A blob is to be as near as the nearest of all packages
/// that reference it. The service moves by itself, once an hour; the bytes that were copied are compared with their digests
/// before anything points to them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what lies in which store, and what waits to be moved.
    ///
    /// Needs `retention:plan`.
    #[command(after_help = EXIT_STATUS)]
    Status,
    /// Move what waits.
    ///
    /// Repeating it, or running it twice at once, does no harm. Fails if something could not be moved; it stays where it is,
    /// and is tried again by the next run.
    ///
    /// Needs `retention:apply`.
    #[command(after_help = EXIT_STATUS)]
    Run,
}

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Run {
    moved: Amount,
    restoring: u64,
    large: u64,
    overtaken: u64,
    failed: u64,
    reason: Option<String>,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::Status => {
            let status = client.tiers().await?;
            output.result(&status, |out| print(out, &status))?;
            Ok(Exit::Done)
        }
        Command::Run => move_all(&client, output).await,
    }
}

async fn move_all(client: &Client, output: &Output) -> anyhow::Result<Exit> {
    let style = ProgressStyle::with_template("{prefix} {spinner} {pos} moved {per_sec}");
    let bar = ProgressBar::new_spinner().with_style(style.expect("a template that is tried by every run"));
    let bar = bar.with_prefix("moving");
    let (mut run, mut from) = (Run::default(), None);
    loop {
        let step = client.move_blobs(from).await?;
        bar.inc(step.moved.count);
        run.moved.count += step.moved.count;
        run.moved.bytes += step.moved.bytes;
        run.restoring += step.restoring;
        run.large += step.large;
        run.overtaken += step.overtaken;
        run.failed += step.failed;
        run.reason = run.reason.or(step.reason);
        match step.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    bar.finish_and_clear();
    output.result(&run, |out| {
        let blobs = plural(run.moved.count, "blob");
        writeln!(out, "moved {blobs}, {} ({} bytes)", bytes(run.moved.bytes), run.moved.bytes)?;
        if run.restoring > 0 {
            let blobs = plural(run.restoring, "blob");
            writeln!(out, "{blobs} have to be restored by their store first, and are moved later")?;
        }
        if run.large > 0 {
            let blobs = plural(run.large, "blob");
            writeln!(
                out,
                "{blobs} of more than a request moves are moved by the service itself, within the hour"
            )?;
        }
        Ok(())
    })?;
    match run.reason {
        None => Ok(Exit::Done),
        Some(reason) => anyhow::bail!("{} could not be moved: {reason}", plural(run.failed, "blob")),
    }
}

fn print(out: &mut dyn Write, status: &TierStatus) -> io::Result<()> {
    let rows: Vec<_> = status.stores.iter().map(row).collect();
    table(out, &["STORE", "TIER", "BLOBS", "SIZE", "WAITS TO BE MOVED"], &[2, 3], &rows)
}

fn row(store: &StoreStanding) -> Vec<String> {
    let moves = store.moves.iter().map(|moves| {
        let count = plural(moves.amount.count, "blob");
        format!("{count} ({}) to {}", bytes(moves.amount.bytes), moves.to_store)
    });
    let moves: Vec<String> = moves.collect();
    vec![
        store.store.to_string(),
        store.tier.clone().unwrap_or_else(|| "not configured".to_owned()),
        store.lying.count.to_string(),
        bytes(store.lying.bytes),
        if moves.is_empty() { "-".to_owned() } else { moves.join(", ") },
    ]
}
