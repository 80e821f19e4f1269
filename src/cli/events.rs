//! `strongroom events`.

use std::io::{self, Write};

use super::output::{Exit, Output, Usage};
use super::{EXIT_STATUS, Global, connect};
use crate::client::events::Query;
use crate::kernel::id::{RepositoryName, StreamName};
use crate::wire::event::EventEntry;

/// Print the log: what happened, in order.
///
/// With `--follow` it goes on as things happen, also across broken connections, without a gap or a repeat.
///
/// Needs `log:read`, or `pull` on the repository that is named.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// Begin behind this position.
    #[arg(long, value_name = "N")]
    after: Option<u64>,
    /// End after so many events.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Go on with what happens from now on.
    #[arg(long)]
    follow: bool,
    /// Only events of this type, such as tag.set; repeatable.
    #[arg(long = "type", value_name = "T")]
    types: Vec<String>,
    /// Only what concerns this repository.
    #[arg(long, value_name = "R")]
    repository: Option<RepositoryName>,
    /// Only events of this stream, such as tag/acme/reports:v1.
    #[arg(long, value_name = "S")]
    stream: Option<StreamName>,
    /// How to print them: a table for people, one JSON document a line, or the exact records one after the other.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Ndjson,
    Cbor,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let format = match (output.json, args.format) {
        (true, Format::Cbor) => {
            return Err(Usage("--json and --format cbor exclude each other".into()).into());
        }
        (true, Format::Table) => Format::Ndjson,
        (_, format) => format,
    };
    let query = Query {
        after: args.after,
        limit: args.limit,
        types: args.types,
        repository: args.repository,
        stream: args.stream,
    };
    let client = connect::client(global)?;
    if format == Format::Cbor {
        let mut records = client.records(query, args.follow);
        let mut out = io::BufWriter::new(io::stdout());
        while let Some((_, record)) = records.next().await? {
            out.write_all(&record)?;
            if args.follow {
                out.flush()?;
            }
        }
        out.flush()?;
        return Ok(Exit::Done);
    }
    let mut events = client.events(query, args.follow);
    let mut out = io::BufWriter::new(io::stdout());
    if format == Format::Table {
        writeln!(out, "{:>8}  {:<24}  {:<21}  {:<16}  STREAM", "POSITION", "AT", "TYPE", "ACTOR")?;
    }
    while let Some(event) = events.next().await? {
        match format {
            Format::Ndjson => writeln!(out, "{}", serde_json::to_string(&event)?)?,
            Format::Table | Format::Cbor => writeln!(out, "{}", line(&event))?,
        }
        if args.follow {
            out.flush()?;
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn line(event: &EventEntry) -> String {
    let EventEntry { position, at, type_name, actor, stream, .. } = event;
    format!("{position:>8}  {:<24}  {type_name:<21}  {:<16}  {stream}", at.to_string(), actor.to_string())
}
