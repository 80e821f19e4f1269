//! `strongroom audit`.

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::{Exit, Output, bytes, plural};
use super::service::Place;
use super::{EXIT_STATUS, Global, connect};
use crate::audit::log::Verifier;
use crate::audit::{Depth, Progress, Report};
use crate::client::Client;
use crate::client::events::Query;
use crate::kernel::checkpoint::Checkpoint;
use crate::node::Offline;

/// Verify that nothing was changed, lost or made up.
///
/// The log: every record canonical, every leaf, versions and receipts, the root against the signed checkpoint. On the
/// server also the tables and views against the log, every document, and every blob, read and hashed again.
///
/// On a machine that has the state of a service, or with `--state-dir` or `--database-url`: everything, beside a
/// running service or without one. Elsewhere, or with `--url`: the log, over HTTP, trusting nothing but its
/// checkpoint; this needs `log:read`.
///
/// Every deletion has to have been allowed where it stands in the log: by a plan that names the package, or by the right of
/// whoever did it, with no hold, lock or pin in the way. Plans and holds on queries are documents, which are looked at
/// on the server; where one was erased since, that is told, and is neither clean nor a finding.
///
/// What is wrong is named, and the exit status is 3. If something could not be looked at or decided, it is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// Look whether each blob is there and has its size, without reading it.
    #[arg(long)]
    quick: bool,
    /// A checkpoint that you noted earlier: the log has to continue it. What was signed then and is gone or another now
    /// is a finding, whoever signs the log today; repeatable.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Note the newest checkpoint in this file if nothing was found, for `--checkpoint` of a later audit. Keep it where
    /// whoever runs the server cannot write.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let noted = args.checkpoint.iter().map(|path| read_note(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let save = args.save.clone();
    let here = || connect::state_dir().is_some_and(|directory| directory.is_dir());
    let report = if args.place.is_given() || (global.url.is_none() && here()) {
        on_the_server(args, &noted).await?
    } else {
        over_http(&connect::client(global)?, &noted).await?
    };
    output.result(&report, |out| {
        for finding in &report.findings {
            writeln!(out, "{finding}")?;
        }
        let unnamed = report.findings_total - report.findings.len() as u64;
        if unnamed > 0 {
            writeln!(out, "and {unnamed} more")?;
        }
        for undecided in &report.undecided {
            writeln!(out, "undecided {undecided}")?;
        }
        let unnamed = report.undecided_total - report.undecided.len() as u64;
        if unnamed > 0 {
            writeln!(out, "and {unnamed} more undecided")?;
        }
        writeln!(out, "{}", summary(&report))
    })?;
    if !report.is_clean() {
        return Ok(Exit::Findings);
    }
    anyhow::ensure!(
        report.is_decided(),
        "nothing was found, and {} could not be decided",
        plural(report.undecided_total, "deletion")
    );
    if let Some(path) = save {
        let note = report.checkpoint_note.context("there is no signed checkpoint to note yet")?;
        write_note(&path, &note)
            .with_context(|| format!("cannot note the checkpoint in {}", path.display()))?;
    }
    Ok(Exit::Done)
}

/// A checkpoint from a file. One that cannot be read says nothing about the log.
fn read_note(path: &Path) -> anyhow::Result<String> {
    let note = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Checkpoint::read_unverified(&note).with_context(|| format!("{} is no checkpoint", path.display()))?;
    Ok(note)
}

/// Whole or not at all: the note that was there is not lost to a crash.
fn write_note(path: &Path, note: &str) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(note.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

async fn on_the_server(args: Args, noted: &[String]) -> anyhow::Result<Report> {
    let depth = if args.quick { Depth::Quick } else { Depth::Full };
    let offline = Offline::open(args.place.settings()?).await?;
    let bar = bar();
    let report = offline
        .audit(depth, noted, &|Progress { step, done, total }| {
            bar.set_message(step);
            bar.set_length(total);
            bar.set_position(done);
        })
        .await;
    bar.finish_and_clear();
    offline.close().await;
    Ok(report?)
}

/// What a remote auditor can see for himself.
async fn over_http(client: &Client, noted: &[String]) -> anyhow::Result<Report> {
    let mut verifier = Verifier::new();
    for note in noted {
        verifier.expect_noted(note)?;
    }
    // The checkpoint first: the log only grows, so the records that are read then reach it.
    verifier.expect(&client.checkpoint().await?);
    let mut records = client.records(Query::default(), false);
    let bar = bar();
    bar.set_message("log");
    while let Some((_, record)) = records.next().await? {
        verifier.push(&record);
        if verifier.size().is_multiple_of(1_024) {
            bar.set_position(verifier.size());
        }
    }
    bar.finish_and_clear();
    Ok(verifier.finish())
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "audit {msg} {bar:30} {human_pos}/{human_len} {eta}";
    ProgressBar::new(0)
        .with_style(ProgressStyle::with_template(template).expect("a template that every audit uses"))
}

fn summary(report: &Report) -> String {
    let mut looked = vec![plural(report.events, "event"), plural(report.receipts, "receipt")];
    looked.push(match report.checkpoint_size {
        Some(size) => format!("{} up to {size}", plural(report.checkpoints, "checkpoint")),
        None => "no checkpoint".into(),
    });
    if report.view_tables > 0 {
        looked.push(plural(report.view_tables, "view"));
        looked.push(plural(report.documents, "document"));
        let mut read = Vec::new();
        if report.blob_bytes_hashed > 0 {
            read.push(format!("{} read", bytes(report.blob_bytes_hashed)));
        }
        if report.blobs_archived > 0 {
            read.push(format!("{} archived and not read", report.blobs_archived));
        }
        let read = if read.is_empty() { String::new() } else { format!(" ({})", read.join(", ")) };
        looked.push(plural(report.blobs, "blob") + &read);
    }
    if report.deletions > 0 {
        let documents = match report.deletions_by_documents {
            0 => String::new(),
            count => format!(" ({count} against documents)"),
        };
        looked.push(plural(report.deletions, "deletion") + &documents);
    }
    let verdict = match report.findings_total {
        0 if report.is_decided() => "clean".to_owned(),
        0 => format!("{} undecided", plural(report.undecided_total, "deletion")),
        count => format!("{} of damage", plural(count, "finding")),
    };
    format!("{verdict}: {}\nroot {}", looked.join(", "), report.root)
}
