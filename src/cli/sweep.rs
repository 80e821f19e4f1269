//! `strongroom sweep`.

use super::EXIT_STATUS;
use super::output::{Exit, Output, bytes, plural, table};
use super::service::Place;
use crate::config::Plane;
use crate::node::{Gone, Offline, SweptObjects, Why, sweep_apart};

/// Delete stored objects that nobody claims.
///
/// Objects whose upload ended without a receipt that came in time, and objects that the log has given up, are deleted.
/// It is put on record first (`object.discarded`), and only where the log continues the checkpoint that is kept outside
/// of the database. What a receipt may still claim, and what was there before the log was restored from a backup, is left.
///
/// Run on the server, beside a running service or without one. Beside one, objects are given up here and deleted by the
/// service, which sweeps by itself once a day. Where the planes are apart this is run on the machine of a data node; the
/// control plane has to answer.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// Only say what would go, and why.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args, output: &Output) -> anyhow::Result<Exit> {
    let settings = args.place.settings()?;
    let swept = if settings.plane == Plane::Data {
        sweep_apart(&settings, args.dry_run).await?
    } else {
        let offline = Offline::open(settings).await?;
        let swept = offline.sweep(args.dry_run).await;
        offline.close().await;
        swept?
    };
    output.result(&swept, |out| {
        if !swept.gone.is_empty() {
            let rows: Vec<Vec<String>> = swept.gone.iter().map(row).collect();
            table(out, &["SIZE", "OBJECT", "WHY", "STATE"], &[0], &rows)?;
        }
        writeln!(out, "{}", summary(&swept, args.dry_run))
    })?;
    Ok(Exit::Done)
}

fn row(gone: &Gone) -> Vec<String> {
    let why = match gone.why {
        Why::Discarded => "given up before",
        Why::Unclaimed => "nobody claims it",
    };
    let state = match (gone.deleted, gone.discarded_at) {
        (true, Some(position)) => format!("deleted (event {position})"),
        (_, Some(position)) => format!("to be deleted (event {position})"),
        (_, None) => "would go".to_owned(),
    };
    vec![gone.bytes.to_string(), gone.object.to_string(), why.to_owned(), state]
}

fn summary(swept: &SweptObjects, dry_run: bool) -> String {
    let total: u64 = swept.gone.iter().map(|gone| gone.bytes).sum();
    let verb = if dry_run { "would go" } else { "went" };
    let mut text = format!(
        "{} looked at, {} claimed; {} {verb} ({})",
        plural(swept.objects, "object"),
        swept.claimed,
        plural(swept.gone.len() as u64, "object"),
        bytes(total)
    );
    for (count, why) in [
        (swept.young, "may still be claimed"),
        (swept.uploading, "of uploads that are not over"),
        (swept.before_restoration, "from before the log was restored from a backup"),
    ] {
        if count > 0 {
            text += &format!("\nleft: {} {why}", plural(count, "object"));
        }
    }
    text
}
