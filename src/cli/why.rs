//! `strongroom why`.

use std::io::{self, Write};

use super::output::{Exit, Output, bytes, plural};
use super::retrieval::told;
use super::{EXIT_STATUS, Global, connect};
use crate::kernel::id::PackageRef;
use crate::wire::deletion::{KeptBy, WhyKept};

/// Say what keeps a package: since when, by whom, until when, and what today's policies would do with it.
///
/// Needs `pull` on the repository. What was said about holds is shown to those who may see holds.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
    #[arg(value_name = "PACKAGE")]
    package: PackageRef,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    let why = client.why(&args.package.repository, &args.package.reference).await?;
    output.result(&why, |out| print(out, &why))?;
    Ok(Exit::Done)
}

fn print(out: &mut dyn Write, why: &WhyKept) -> io::Result<()> {
    writeln!(out, "package   {}@{}", why.repository, why.digest)?;
    if !why.tags.is_empty() {
        let tags: Vec<String> = why.tags.iter().map(ToString::to_string).collect();
        writeln!(out, "tags      {} (they protect nothing)", tags.join(", "))?;
    }
    writeln!(out, "accepted  {} by {}", why.accepted_at, why.accepted_by)?;
    if why.clock_start != why.accepted_at {
        writeln!(out, "clock     started {}, when an event hold was released", why.clock_start)?;
    }
    let read = why.last_read.map_or_else(|| "never".to_owned(), |day| day.to_string()[..10].to_owned());
    writeln!(out, "read      {read}")?;
    match &why.kept_by[..] {
        [] => writeln!(out, "kept by   nothing")?,
        keeps => {
            for (n, keeper) in keeps.iter().enumerate() {
                writeln!(out, "{:<10}{}", if n == 0 { "kept by" } else { "" }, sentence(keeper))?;
            }
        }
    }
    let tiered = why.tiered_at.zip(why.tiered_position);
    let tiered = tiered.map(|(at, position)| format!(", since {at} (event {position})")).unwrap_or_default();
    writeln!(out, "tier      {}{tiered}", why.tier)?;
    for (n, lies) in why.lies.iter().enumerate() {
        let tier = lies.tier.as_deref().unwrap_or("not configured");
        let count = plural(lies.blobs, "blob");
        let label = if n == 0 { "lies in" } else { "" };
        writeln!(out, "{label:<10}{} ({tier}): {count}, {}", lies.store, bytes(lies.bytes))?;
    }
    if let Some(retrieval) = &why.retrieval {
        writeln!(out, "retrieval {}: {}", retrieval.retrieval, told(retrieval))?;
    }
    let would = match (why.outcome.as_str(), &why.rule) {
        ("deleted", Some(rule)) => format!("the next plan deletes it, by rule {rule}"),
        ("kept-by-default", _) => "kept: no rule deletes it".to_owned(),
        _ => "kept".to_owned(),
    };
    writeln!(out, "policies  {would} (log size {})", why.log_size)
}

fn sentence(keeper: &KeptBy) -> String {
    let mut text = keeper.text.clone();
    if let (Some(since), Some(actor), Some(position)) = (&keeper.since, &keeper.actor, keeper.position) {
        text += &format!(", since {since} by {actor} (event {position})");
    }
    if let Some(reason) = &keeper.reason {
        text += &format!(": {reason}");
    }
    text
}
