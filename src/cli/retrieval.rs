//! `strongroom retrieval`, and what `pull --retrieve` does before it pulls.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::bail;
use indicatif::ProgressBar;

use super::output::{Exit, Output, bytes, plural, table};
use super::{EXIT_STATUS, Global, connect};
use crate::client::Client;
use crate::kernel::id::{PackageRef, Reference, RepositoryName, RetrievalId};
use crate::wire::retrieval::RetrievalEntry;

/// How often it is asked whether a retrieval is available.
const POLL: Duration = Duration::from_secs(2);

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Get packages back from cold stores, so that they can be read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Ask for a package.
    ///
    /// A disk has it at once, an archive needs hours. Asking again while a retrieval stands gives that one.
    ///
    /// Needs `pull` on the repository.
    #[command(after_help = EXIT_STATUS)]
    Request {
        /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
        #[arg(value_name = "PACKAGE")]
        package: PackageRef,
        /// For how many days it is to be readable; 7 if nothing is said.
        #[arg(long, value_name = "N")]
        days: Option<u64>,
    },
    /// Show one retrieval: how far it is, and until when its package may be read.
    ///
    /// Needs `pull` on the repository.
    #[command(after_help = EXIT_STATUS)]
    Show {
        /// Its id.
        #[arg(value_name = "RETRIEVAL")]
        retrieval: RetrievalId,
    },
    /// List the retrievals of a repository, the last first.
    ///
    /// Needs `pull` on the repository.
    #[command(after_help = EXIT_STATUS)]
    List {
        /// The repository.
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryName,
    },
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::Request { package, days } => {
            match client.retrieve(&package.repository, &package.reference, days).await? {
                Some(found) => output.result(&found, |out| print(out, &found))?,
                None => output.result(&(), |out| {
                    writeln!(out, "{package} does not lie in a cold store: it can be read now")
                })?,
            }
        }
        Command::Show { retrieval } => {
            let found = client.retrieval(retrieval).await?;
            output.result(&found, |out| print(out, &found))?;
        }
        Command::List { repository } => {
            let found = client.retrievals(&repository).await?;
            output.result(&found, |out| {
                let rows: Vec<_> = found.iter().map(row).collect();
                table(
                    out,
                    &["RETRIEVAL", "PACKAGE", "SIZE", "STATE", "REQUESTED", "BY", "UNTIL"],
                    &[2],
                    &rows,
                )
            })?;
        }
    }
    Ok(Exit::Done)
}

fn print(out: &mut dyn Write, found: &RetrievalEntry) -> io::Result<()> {
    writeln!(out, "retrieval {}", found.retrieval)?;
    writeln!(out, "package   {}@{}", found.repository, found.digest)?;
    writeln!(out, "state     {}", told(found))?;
    writeln!(
        out,
        "cold      {} ({}) when it was asked for",
        plural(found.blobs, "blob"),
        bytes(found.bytes)
    )?;
    writeln!(
        out,
        "requested {} by {}, for {} (event {})",
        found.requested_at,
        found.actor,
        plural(found.days, "day"),
        found.position
    )
}

/// The state with what belongs to it.
pub(super) fn told(found: &RetrievalEntry) -> String {
    let state = &found.state;
    match (state.as_str(), found.until, found.restoring_at, &found.code) {
        ("available", Some(until), ..) => format!("{state} until {until}"),
        ("expired", Some(until), ..) => format!("{state} since {until}"),
        ("restoring", _, Some(since), _) => format!("{state} since {since}"),
        ("failed", .., Some(code)) => format!("{state}: {code}"),
        _ => state.clone(),
    }
}

fn row(found: &RetrievalEntry) -> Vec<String> {
    vec![
        found.retrieval.to_string(),
        found.digest.to_string(),
        bytes(found.bytes),
        found.state.clone(),
        found.requested_at.to_string(),
        found.actor.to_string(),
        found.until.map(|until| until.to_string()).unwrap_or_default(),
    ]
}

/// Asks for whatever of a package lies in a cold store; waits until it can be read, if that is wanted.
///
/// # Errors
/// If it cannot be read yet, with how far it is.
pub(super) async fn ready(
    client: &Client,
    package: &PackageRef,
    days: Option<u64>,
    wait: bool,
) -> anyhow::Result<()> {
    let found = client.package(&package.repository, &package.reference).await?;
    let mut asked = Vec::new();
    // All parts are asked for before one is waited for.
    for manifest in &found.manifests {
        let digest = manifest.descriptor().digests.blake3;
        let part = Reference::Digest(digest.into());
        asked.extend(client.retrieve(&package.repository, &part, days).await?);
    }
    for mut retrieval in asked {
        let spinner = ProgressBar::new_spinner().with_message(format!("retrieval {}", retrieval.retrieval));
        while !retrieval.is_available() {
            if retrieval.is_over() || !wait {
                spinner.finish_and_clear();
                bail!("{}", not_yet(package, &retrieval));
            }
            spinner.enable_steady_tick(TICK);
            spinner.set_message(format!("retrieval {} is {}", retrieval.retrieval, told(&retrieval)));
            tokio::time::sleep(POLL).await;
            retrieval = client.retrieval(retrieval.retrieval).await?;
        }
        spinner.finish_and_clear();
    }
    Ok(())
}

fn not_yet(package: &PackageRef, retrieval: &RetrievalEntry) -> String {
    let (id, told) = (retrieval.retrieval, told(retrieval));
    match retrieval.is_over() {
        true => format!("retrieval {id} of {package} is {told}"),
        false => format!(
            "{package} cannot be read yet: retrieval {id} is {told}; wait for it with --wait, or run this again later"
        ),
    }
}
