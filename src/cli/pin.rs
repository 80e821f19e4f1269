//! `strongroom pin`.

use std::str::FromStr;

use serde::Serialize;

use super::output::{Exit, Output, table};
use super::tag::{expected, resolve};
use super::{EXIT_STATUS, Global, connect};
use crate::client::Condition;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{self, PinName, Reference, RepositoryName};
use crate::wire::pin::{PinChange, PinChanged, PinEntry, ReleasePin, Said};

/// Set, release and look up pins: named claims on packages, which protect them.
///
/// What a pin claims is not deleted while the pin stands. Each change has a reason, and the log keeps all of them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a pin claim a package that is in the repository, or move it there.
    ///
    /// Needs `push` on the repository.
    #[command(after_help = EXIT_STATUS)]
    Set {
        /// The pin, as `<repository>#<pin>`.
        #[arg(value_name = "REPOSITORY#PIN")]
        pin: Pinned,
        /// The package, by digest or by a tag.
        #[arg(value_name = "REF")]
        reference: Reference,
        #[command(flatten)]
        why: Why,
        /// What the pin must claim now, or `none` if it must not exist; otherwise nothing is changed.
        #[arg(long, value_name = "DIGEST|none", value_parser = expected)]
        expect: Option<Condition>,
    },
    /// Release a pin. The package stays, unprotected by it.
    ///
    /// Needs `delete` on the repository.
    #[command(after_help = EXIT_STATUS)]
    Release {
        /// The pin, as `<repository>#<pin>`.
        #[arg(value_name = "REPOSITORY#PIN")]
        pin: Pinned,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// What the pin must claim now; otherwise it stays.
        #[arg(long, value_name = "DIGEST")]
        expect: Option<Blake3>,
    },
    /// List the pins of a repository.
    ///
    /// Needs `pull` on the repository.
    #[command(after_help = EXIT_STATUS)]
    List {
        /// The repository.
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryName,
    },
    /// Show what a pin claims and why.
    ///
    /// Needs `pull` on the repository.
    #[command(after_help = EXIT_STATUS)]
    Show {
        /// The pin, as `<repository>#<pin>`.
        #[arg(value_name = "REPOSITORY#PIN")]
        pin: Pinned,
        /// What it claimed then: after the event at a position of the log, or at a time such as 2026-11-21T12:00:00Z.
        #[arg(long, value_name = "POSITION|TIME")]
        at: Option<String>,
    },
    /// Show every change of a pin, oldest first.
    ///
    /// Needs `pull` on the repository.
    #[command(after_help = EXIT_STATUS)]
    History {
        /// The pin, as `<repository>#<pin>`.
        #[arg(value_name = "REPOSITORY#PIN")]
        pin: Pinned,
    },
}

/// What is said when a pin is set.
#[derive(Debug, clap::Args)]
struct Why {
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Where the source is; as it was, if absent.
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// The full revision of the source, 40 or 64 characters of lowercase hex; as it was, if absent.
    #[arg(long, value_name = "HEX")]
    revision: Option<String>,
    /// What built it; as it was, if absent.
    #[arg(long, value_name = "TEXT")]
    build: Option<String>,
}

/// `<repository>#<pin>`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pinned {
    repository: RepositoryName,
    pin: PinName,
}

impl FromStr for Pinned {
    type Err = id::Error;

    fn from_str(text: &str) -> Result<Self, id::Error> {
        let grammar = id::Error::Grammar { what: "a pin of a repository", grammar: "<repository>#<pin>" };
        let (repository, pin) = text.split_once('#').ok_or(grammar)?;
        Ok(Self { repository: repository.parse()?, pin: pin.parse()? })
    }
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::Set { pin: Pinned { repository, pin }, reference, why, expect } => {
            let digest = resolve(&client, &repository, reference).await?;
            let Why { reason, source, revision, build } = why;
            let said = Said { reason: Some(reason), source, revision, build };
            let condition = expect.unwrap_or(Condition::Always);
            let set = client.set_pin(&repository, &pin, digest, condition, said).await?;
            warn_of_missing(&set);
            output.done(&set, &moved(&repository, &set))
        }
        Command::Release { pin: Pinned { repository, pin }, reason, expect } => {
            let request = ReleasePin { reason, expected: expect.map(Into::into) };
            let released = client.release_pin(&repository, &pin, &request).await?;
            output
                .done(&released, &format!("released {repository}#{pin}, which claimed {}", released.previous))
        }
        Command::List { repository } => list(&client.pins(&repository).await?, output),
        Command::Show { pin: Pinned { repository, pin }, at } => {
            let entry = client.pin(&repository, &pin, at.as_deref()).await?;
            show(&repository, &entry, output)
        }
        Command::History { pin: Pinned { repository, pin } } => {
            history(&client.pin_history(&repository, &pin).await?, output)
        }
    }
}

/// What a set pin is, for people.
pub(super) fn moved(repository: &RepositoryName, set: &PinChanged) -> String {
    let before = set.previous.filter(|previous| *previous != set.digest);
    let before = before.map_or_else(String::new, |previous| format!(", before {previous}"));
    format!("{repository}#{} claims {}{before}", set.pin, set.digest)
}

/// Says on standard error what the package does not say of itself.
pub(super) fn warn_of_missing(set: &PinChanged) {
    if !set.missing.is_empty() {
        eprintln!("warning: the package lacks the annotations {}", set.missing.join(", "));
    }
}

fn list(pins: &[PinEntry], output: &Output) -> anyhow::Result<Exit> {
    output.result(&pins, |out| {
        let row = |entry: &PinEntry| {
            let (pin, digest) = (entry.pin.to_string(), entry.digest.to_string());
            let reason = one_line(entry.said.reason.as_deref());
            vec![pin, digest, entry.updated_at.to_string(), entry.actor.to_string(), reason]
        };
        let rows: Vec<_> = pins.iter().map(row).collect();
        table(out, &["PIN", "DIGEST", "SET", "BY", "REASON"], &[], &rows)
    })?;
    Ok(Exit::Done)
}

fn show(repository: &RepositoryName, entry: &PinEntry, output: &Output) -> anyhow::Result<Exit> {
    #[derive(Serialize)]
    struct Shown<'a> {
        repository: &'a RepositoryName,
        #[serde(flatten)]
        entry: &'a PinEntry,
    }
    output.result(&Shown { repository, entry }, |out| {
        writeln!(out, "pin      {repository}#{}\ndigest   {}", entry.pin, entry.digest)?;
        writeln!(out, "set      {} by {} at position {}", entry.updated_at, entry.actor, entry.position)?;
        for (name, value) in said(&entry.said) {
            writeln!(out, "{name:<8} {value}")?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

fn history(changes: &[PinChange], output: &Output) -> anyhow::Result<Exit> {
    output.result(&changes, |out| {
        for change in changes {
            let what = change.digest.map_or_else(|| "released".to_owned(), |digest| digest.to_string());
            writeln!(out, "{:>8}  {}  {}  {what}", change.position, change.at, change.actor)?;
            for (name, value) in said(&change.said) {
                writeln!(out, "          {name}: {value}")?;
            }
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// What was said, by name; that nothing is left of it, where it was erased.
fn said(said: &Said) -> Vec<(&'static str, String)> {
    let each = [
        ("reason", &said.reason),
        ("source", &said.source),
        ("revision", &said.revision),
        ("build", &said.build),
    ];
    let values = each.into_iter().filter_map(|(name, value)| Some((name, one_line(Some(value.as_deref()?)))));
    let values: Vec<_> = values.collect();
    if values.is_empty() { vec![("reason", one_line(None))] } else { values }
}

fn one_line(reason: Option<&str>) -> String {
    reason.map_or_else(|| "(erased)".to_owned(), |reason| reason.replace(['\n', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_stands_behind_a_number_sign() {
        let pinned: Pinned = "acme/app#prod".parse().unwrap();
        assert_eq!((pinned.repository.as_str(), pinned.pin.as_str()), ("acme/app", "prod"));
        for bad in ["acme/app", "acme/app:prod", "#prod", "acme/app#", "acme/app#a#b"] {
            assert!(bad.parse::<Pinned>().is_err(), "{bad}");
        }
    }
}
