//! `strongroom views`.

use serde::Serialize;

use super::EXIT_STATUS;
use super::output::{Exit, Output, plural};
use super::service::Place;
use crate::node::Offline;
use crate::views;

/// Check and rebuild the views: the tables that are folded from the log.
///
/// Run on the server, beside a running service or without one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Replay the log beside the live views and compare every row; exit status 3 if any differs.
    #[command(after_help = EXIT_STATUS)]
    Check {
        #[command(flatten)]
        place: Place,
    },
    /// Replay the log into new views, then swap them in. Readers never see half; appends wait for the last moment only.
    #[command(after_help = EXIT_STATUS)]
    Rebuild {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Serialize)]
struct Checked {
    events: u64,
    clean: bool,
    tables: Vec<Table>,
}

#[derive(Serialize)]
struct Table {
    table: String,
    differences: u64,
    first: Vec<Difference>,
}

#[derive(Serialize)]
struct Difference {
    key: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Rebuilt {
    events: u64,
}

pub(super) async fn run(args: Args, output: &Output) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check { place } => {
            let offline = Offline::open(place.settings()?).await?;
            let checked = views::check(offline.pool(), |_| ()).await;
            offline.close().await;
            match checked {
                Ok(report) => check(&report, output),
                // The log itself cannot be folded: that was looked at, and is damage.
                Err(error) if error.is_damage() => {
                    eprintln!("error: {error}");
                    Ok(Exit::Findings)
                }
                Err(error) => Err(error.into()),
            }
        }
        Command::Rebuild { place } => {
            let offline = Offline::open(place.settings()?).await?;
            let rebuilt = views::rebuild(offline.pool(), |_| ()).await;
            offline.close().await;
            let events = rebuilt?.events;
            output.done(&Rebuilt { events }, &format!("views rebuilt from {}", plural(events, "event")))
        }
    }
}

fn check(report: &views::check::Report, output: &Output) -> anyhow::Result<Exit> {
    let clean = report.is_clean();
    let difference =
        |one: &views::check::Difference| Difference { key: one.key.clone(), kind: one.kind.name() };
    let table = |table: &views::check::TableReport| Table {
        table: table.table.clone(),
        differences: table.differences,
        first: table.first.iter().map(difference).collect(),
    };
    let checked = Checked { events: report.events, clean, tables: report.tables.iter().map(table).collect() };
    output.result(&checked, |out| {
        for table in checked.tables.iter().filter(|table| table.differences > 0) {
            writeln!(out, "{}: {}", table.table, plural(table.differences, "difference"))?;
            for one in &table.first {
                writeln!(out, "  {}: {}", one.key, one.kind)?;
            }
        }
        if clean {
            let (tables, events) = (checked.tables.len(), plural(checked.events, "event"));
            writeln!(out, "{tables} views are what {events} say")
        } else {
            writeln!(out, "repair them with: strongroom views rebuild")
        }
    })?;
    Ok(if clean { Exit::Done } else { Exit::Findings })
}
