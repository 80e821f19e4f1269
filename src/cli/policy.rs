//! `strongroom policy`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use super::output::{Exit, Output, Usage, table};
use super::{EXIT_STATUS, Global, connect, plan};
use crate::client::Written;
use crate::kernel::id::PolicyName;
use crate::retention::draft;
use crate::wire::policy::{PolicyEntry, PolicyVersion};

/// Set, show, list, test and remove retention policies.
///
/// A policy is a file in TOML, or in JSON with the same fields. What no rule selects is never deleted.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Set a policy from a file.
    ///
    /// Description, schedule and limits that the file does not name stay as they were; rules are always those of the file.
    /// Needs `admin`.
    #[command(after_help = EXIT_STATUS)]
    Set {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: PolicyName,
        /// The file: TOML, or JSON if its name ends in `.json`.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show what a policy would do now, without setting it.
    ///
    /// Other policies that stand keep and lock, as they would. Needs `retention:plan`.
    #[command(after_help = EXIT_STATUS)]
    Test {
        /// The file: TOML, or JSON if its name ends in `.json`.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The policy that it would be; the name of the file without its ending, if left out.
        #[arg(long, value_name = "NAME")]
        name: Option<PolicyName>,
    },
    /// Show what a policy says, as a file that can be set again.
    ///
    /// Needs `retention:plan` or `admin`.
    #[command(after_help = EXIT_STATUS)]
    Show {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: PolicyName,
        /// Which of its versions; the one that stands, if left out.
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// List the policies that stand.
    ///
    /// Needs `retention:plan` or `admin`.
    #[command(after_help = EXIT_STATUS)]
    List,
    /// List every version of a policy.
    ///
    /// Needs `retention:plan` or `admin`.
    #[command(after_help = EXIT_STATUS)]
    History {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: PolicyName,
    },
    /// Remove a policy. Locks that it recorded stay.
    ///
    /// Needs `admin`.
    #[command(after_help = EXIT_STATUS)]
    Remove {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: PolicyName,
    },
}

#[derive(Serialize)]
struct Removed {
    policy: PolicyName,
    removed: bool,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    match args.command {
        Command::Set { name, file } => {
            let written = read(&file)?;
            let set = connect::client(global)?.set_policy(&name, &written).await?;
            let how = if set.changed { "is set" } else { "stood already" };
            output.done(&set, &format!("{name}: version {} {how}, {}", set.version, set.document))
        }
        Command::Test { file, name } => {
            let written = read(&file)?;
            let name = name.map_or_else(|| named_by(&file), Ok)?;
            let (found, bytes) = connect::client(global)?.test_policy(&name, &written).await?;
            plan::print(&found, &bytes, output)
        }
        Command::Show { name, version } => {
            let found = connect::client(global)?.policy(&name, version).await?;
            let text = toml::to_string(&found.says).context("the server's answer is no policy")?;
            output.result(&found, |out| {
                let stands = if found.standing { "" } else { " (does not stand)" };
                writeln!(out, "# {name}, version {}{stands}: {}", found.version, found.document)?;
                writeln!(out, "# set {} by {}", found.updated_at, found.actor)?;
                write!(out, "{text}")
            })?;
            Ok(Exit::Done)
        }
        Command::List => {
            let found = connect::client(global)?.policies().await?;
            let row = |entry: &PolicyEntry| {
                let (version, set) = (entry.version.to_string(), entry.updated_at.to_string());
                vec![
                    entry.policy.to_string(),
                    version,
                    set,
                    entry.actor.to_string(),
                    entry.document.to_string(),
                ]
            };
            let rows: Vec<_> = found.iter().map(row).collect();
            output.result(&found, |out| {
                table(out, &["POLICY", "VERSION", "SET", "BY", "DOCUMENT"], &[1], &rows)
            })?;
            Ok(Exit::Done)
        }
        Command::History { name } => {
            let found = connect::client(global)?.policy_versions(&name).await?;
            let row = |one: &PolicyVersion| {
                let document = one.document.map_or_else(|| "removed".to_owned(), |digest| digest.to_string());
                let (version, position) = (one.version.to_string(), one.position.to_string());
                vec![version, position, one.at.to_string(), one.actor.to_string(), document]
            };
            let rows: Vec<_> = found.iter().map(row).collect();
            output.result(&found, |out| {
                table(out, &["VERSION", "POSITION", "AT", "BY", "DOCUMENT"], &[0, 1], &rows)
            })?;
            Ok(Exit::Done)
        }
        Command::Remove { name } => {
            connect::client(global)?.remove_policy(&name).await?;
            let text = format!("removed {name}");
            output.done(&Removed { policy: name, removed: true }, &text)
        }
    }
}

/// The file, checked here: an error names it, with line and column, before anything is sent.
fn read(file: &Path) -> anyhow::Result<Written> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    let checked = if is_json { draft::json(&text) } else { draft::toml(&text) };
    match checked {
        Ok(_) if is_json => Ok(Written::Json(text)),
        Ok(_) => Ok(Written::Toml(text)),
        Err(draft::Error { line, column, message }) => {
            anyhow::bail!("{}:{line}:{column}: {message}", file.display())
        }
    }
}

fn named_by(file: &Path) -> anyhow::Result<PolicyName> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let told = |error| Usage(format!("the file's name is no name of a policy ({error}); give one by --name"));
    Ok(stem.parse().map_err(told)?)
}
