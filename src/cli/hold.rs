//! `strongroom hold`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::output::{Exit, Output, table};
use super::target::annotation;
use super::{EXIT_STATUS, Global, connect};
use crate::kernel::id::{self, HoldName, PackageRef, Reference, RepositoryName};
use crate::retention::period::Moment;
use crate::wire::hold::{HoldEntry, HoldQuery, PlaceHold};
use crate::wire::time::Timestamp;

/// Place and release legal holds: while one stands, nothing that it covers is deleted.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Place a hold on a package, on a repository, or on whatever a query selects, now and later.
    ///
    /// A query selects by what never changes: without a package or repository, give at least one of its options.
    ///
    /// Needs `retention:hold`.
    #[command(after_help = EXIT_STATUS)]
    Place(Box<Place>),
    /// Release a hold. Its name is not used again.
    ///
    /// Needs `retention:hold`.
    #[command(after_help = EXIT_STATUS)]
    Release {
        /// Its name.
        #[arg(value_name = "HOLD")]
        hold: HoldName,
        /// Why; kept as a document beside the log.
        #[arg(long)]
        reason: String,
    },
    /// List the holds that stand.
    ///
    /// Needs `retention:hold`, `retention:plan` or `log:read`.
    #[command(after_help = EXIT_STATUS)]
    List {
        /// Also those that were released.
        #[arg(long)]
        all: bool,
    },
    /// Show one hold: what it covers, why, and how it ended.
    ///
    /// Needs `retention:hold`, `retention:plan` or `log:read`.
    #[command(after_help = EXIT_STATUS)]
    Show {
        /// Its name.
        #[arg(value_name = "HOLD")]
        hold: HoldName,
    },
}

#[derive(Debug, clap::Args)]
struct Place {
    /// A name that no hold has or had.
    #[arg(value_name = "HOLD")]
    hold: HoldName,
    /// What it covers: `<repository>`, `<repository>:<tag>` (the package that it names now) or `<repository>@<digest>`.
    #[arg(value_name = "TARGET")]
    target: Option<Covered>,
    /// Its kind: `litigation`, or `event`, whose release starts the clock of what it covered.
    #[arg(long, default_value = "litigation", value_name = "KIND")]
    kind: String,
    /// The legal matter, such as a case number.
    #[arg(long)]
    matter: Option<String>,
    /// Why; kept as a document beside the log.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    query: Query,
}

/// What a query selects: all of these must be so.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Query")]
struct Query {
    /// In repositories that match: `acme/*`, or `*` for all. May be repeated.
    #[arg(long, value_name = "GLOB", conflicts_with = "target")]
    repositories: Vec<String>,
    /// Of this artifact type. May be repeated.
    #[arg(long, value_name = "TYPE", conflicts_with = "target")]
    artifact_type: Vec<String>,
    /// With a manifest of this media type. May be repeated.
    #[arg(long, value_name = "TYPE", conflicts_with = "target")]
    media_type: Vec<String>,
    /// With this annotation. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = annotation, conflicts_with = "target")]
    annotation: Vec<(String, String)>,
    /// With an annotation under this key. May be repeated.
    #[arg(long, value_name = "KEY", conflicts_with = "target")]
    has_annotation: Vec<String>,
    /// Accepted at this time (RFC 3339, or a day) or later.
    #[arg(long, value_name = "TIME", conflicts_with = "target")]
    accepted_after: Option<Moment>,
    /// Accepted before this time.
    #[arg(long, value_name = "TIME", conflicts_with = "target")]
    accepted_before: Option<Moment>,
}

/// `<repository>`, `<repository>:<tag>` or `<repository>@<digest>`.
#[derive(Debug, Clone)]
struct Covered {
    repository: RepositoryName,
    reference: Option<Reference>,
}

impl FromStr for Covered {
    type Err = id::Error;

    fn from_str(text: &str) -> Result<Self, id::Error> {
        if !text.contains([':', '@']) {
            return Ok(Self { repository: text.parse()?, reference: None });
        }
        let PackageRef { repository, reference } = text.parse()?;
        Ok(Self { repository, reference: Some(reference) })
    }
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::Place(place) => {
            let placed = client.place_hold(&place.request()).await?;
            output.done(&placed, &format!("hold {} stands on {}", placed.hold, covers(&placed)))
        }
        Command::Release { hold, reason } => {
            let released = client.release_hold(&hold, &reason).await?;
            output.done(&released, &format!("hold {hold} is released"))
        }
        Command::List { all } => {
            let mut holds = client.holds().await?;
            holds.retain(|hold| all || hold.released.is_none());
            output.result(&holds, |out| {
                let rows: Vec<_> = holds.iter().map(row).collect();
                table(out, &["HOLD", "KIND", "COVERS", "SINCE", "BY", "MATTER", "RELEASED"], &[], &rows)
            })?;
            Ok(Exit::Done)
        }
        Command::Show { hold } => {
            let hold = client.hold(&hold).await?;
            output.result(&hold, |out| {
                writeln!(out, "hold      {} ({})", hold.hold, hold.kind)?;
                writeln!(out, "covers    {}", covers(&hold))?;
                writeln!(out, "placed    {} by {} (event {})", hold.placed_at, hold.actor, hold.position)?;
                writeln!(out, "matter    {}", hold.matter.as_deref().unwrap_or("-"))?;
                writeln!(out, "reason    {}", hold.reason.as_deref().unwrap_or("erased"))?;
                match &hold.released {
                    None => writeln!(out, "released  no"),
                    Some(end) => {
                        let reason = end.reason.as_deref().unwrap_or("erased");
                        writeln!(
                            out,
                            "released  {} by {} (event {}): {reason}",
                            end.at, end.actor, end.position
                        )
                    }
                }
            })?;
            Ok(Exit::Done)
        }
    }
}

impl Place {
    fn request(self) -> PlaceHold {
        let time = |moment: Option<Moment>| moment.map(|moment| Timestamp::from_ms(moment.0));
        let Query {
            repositories,
            artifact_type,
            media_type,
            annotation,
            has_annotation,
            accepted_after,
            accepted_before,
        } = self.query;
        let query = HoldQuery {
            repositories,
            artifact_types: artifact_type,
            media_types: media_type,
            annotations: annotation.into_iter().collect::<BTreeMap<_, _>>(),
            has_annotations: has_annotation.into_iter().collect::<BTreeSet<_>>(),
            accepted_after: time(accepted_after),
            accepted_before: time(accepted_before),
        };
        let (repository, reference, query) = match self.target {
            Some(Covered { repository, reference }) => (Some(repository), reference, None),
            None => (None, None, Some(query)),
        };
        let (hold, kind, matter, reason) = (self.hold, self.kind, self.matter, self.reason);
        PlaceHold { hold, kind, repository, reference, query, matter, reason }
    }
}

fn row(hold: &HoldEntry) -> Vec<String> {
    vec![
        hold.hold.to_string(),
        hold.kind.clone(),
        covers(hold),
        hold.placed_at.to_string(),
        hold.actor.to_string(),
        hold.matter.clone().unwrap_or_default(),
        hold.released.as_ref().map(|end| end.at.to_string()).unwrap_or_default(),
    ]
}

fn covers(hold: &HoldEntry) -> String {
    match (&hold.repository, &hold.digest, &hold.query) {
        (Some(repository), Some(digest), _) => format!("{repository}@{digest}"),
        (Some(repository), None, _) => format!("{repository}, now and later"),
        (None, _, Some(query)) => {
            format!("query {}", serde_json::to_string(query).expect("a query is plain data"))
        }
        (None, _, None) => "a query that was erased".to_owned(),
    }
}
