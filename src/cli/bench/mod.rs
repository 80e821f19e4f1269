//! `strongroom bench`: what this machine does, as ratios to what the same machine does otherwise, in the same run.

mod append;
mod crowd;
mod download;
mod pgbench;
mod replay;
mod retention;
mod server;
mod transfer;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::EXIT_STATUS;
use super::output::{Exit, Output};

/// Measure appending, uploading, downloading and replaying on this machine, as ratios.
///
/// Works in a fresh directory, removed at the end: a private Postgres cluster, a store and, where bytes are moved, a
/// server of its own on a loopback port. Each rate is printed beside that of a peer in the same run: bare INSERTs by
/// pgbench, `dd conv=fsync` to the same place.
///
/// `crowd` is no rate but a load: so many uploads at once for so long, half of them small, a quarter of them broken off
/// and resumed; who is told what, the server's memory over the time, and at the end everything that was acknowledged is
/// read back and compared. A shorter one: `strongroom bench crowd --uploads 50 --seconds 20`.
///
/// `retention` makes a log of so many packages as two years of builds would have left it (events and documents; the bytes of
/// those blobs are not there), plans, and applies the plan while others upload; three times, each ten times as large.
///
/// Nothing is judged here, but that a blob is lost that was acknowledged.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// What to measure; everything but the crowd and retention, if nothing is named.
    #[arg(value_enum)]
    what: Vec<What>,
    /// Where to work: a directory on the disk to be measured [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Seconds of each append run; for which uploads of a crowd begin.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// Events of the log that is replayed and rebuilt.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    events: u64,
    /// MiB of the large file.
    #[arg(long, value_name = "N", default_value_t = 2048)]
    mebibytes: u64,
    /// Number of small files, of 16 KiB each.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    files: u64,
    /// Uploads at once of a crowd.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    uploads: u64,
    /// Packages of the largest log that retention is planned for; it begins with a hundredth of them. Each has 10 blobs of its
    /// own.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(30..=1_000_000))]
    packages: u64,
    /// MiB that a crowd sends in a second, all uploads together; so much of the disk is used. 0: as many as go.
    #[arg(long, value_name = "N", default_value_t = 64)]
    rate: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Both digests of bytes in memory, on one core: what no upload can beat.
    Hash,
    /// Events a second through the whole writer.
    Append,
    /// One large file.
    Upload,
    /// One large file back, verified.
    Download,
    /// Many small files.
    Files,
    /// The log as exact records, and the views from it.
    Replay,
    /// Many uploads at once, for a while, and everything back.
    Crowd,
    /// Plans and their application over many packages, and uploads beside that.
    Retention,
}

const ALL: [What; 6] = [What::Hash, What::Append, What::Upload, What::Download, What::Files, What::Replay];

impl Args {
    const fn crowd(&self) -> crowd::Size {
        crowd::Size { uploads: self.uploads, seconds: self.seconds, mebibytes_per_second: self.rate }
    }
}

pub(super) async fn run(args: Args, output: &Output) -> anyhow::Result<Exit> {
    let chosen = if args.what.is_empty() { &ALL[..] } else { &args.what };
    let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let (mut results, mut exit) = (Map::new(), Exit::Done);
    for what in chosen {
        let place = Place::new(&parent)?;
        let (name, result) = match what {
            What::Hash => ("hash", json!({ "both_mb_per_second": transfer::hash_in_memory() })),
            What::Append => ("append", json!(append::run(place.path(), args.seconds).await?)),
            What::Upload => ("upload", json!(transfer::large(place.path(), args.mebibytes).await?)),
            What::Download => ("download", json!(download::run(place.path(), args.mebibytes).await?)),
            What::Files => ("files", json!(transfer::small(place.path(), args.files).await?)),
            What::Replay => ("replay", json!(replay::run(place.path(), args.events).await?)),
            What::Retention => ("retention", json!(retention::run(place.path(), args.packages).await?)),
            What::Crowd => {
                let outcome = crowd::run(place.path(), args.crowd()).await?;
                if outcome.has_lost() {
                    exit = Exit::Findings;
                }
                ("crowd", json!(outcome))
            }
        };
        results.insert(name.into(), result);
    }
    let results = Value::Object(results);
    output.result(&results, |out| print(out, &results, 0))?;
    Ok(exit)
}

/// Names and figures, indented as they are nested.
fn print(out: &mut dyn Write, value: &Value, depth: usize) -> io::Result<()> {
    let Value::Object(fields) = value else { return Ok(()) };
    for (name, value) in fields {
        let name = format!("{:depth$}{}", "", name.replace('_', " "));
        match value {
            Value::Object(_) => {
                writeln!(out, "{name}")?;
                print(out, value, depth + 2)?;
            }
            Value::Array(items) => {
                for item in items {
                    writeln!(out, "{name}")?;
                    print(out, item, depth + 2)?;
                }
            }
            Value::Number(number) if number.is_f64() => {
                let number = number.as_f64().unwrap_or_default();
                let digits = if number < 100.0 { 2 } else { 0 };
                writeln!(out, "{name:<36} {number:>12.digits$}")?;
            }
            Value::Null => writeln!(out, "{name:<36} {:>12}", "not measured")?,
            other => writeln!(out, "{name:<36} {:>12}", other.to_string())?,
        }
    }
    Ok(())
}

/// A directory of this run alone, which the user who runs Postgres can reach; removed when dropped.
struct Place(PathBuf);

impl Place {
    fn new(parent: &std::path::Path) -> anyhow::Result<Self> {
        let path = parent.join(format!("strongroom-bench-{}", uuid::Uuid::now_v7().simple()));
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left behind is in a temporary directory, and named for what it is.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
