//! `strongroom pull`.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;

use super::output::{Exit, Output, bytes, plural};
use super::progress::Bar;
use super::{EXIT_STATUS, Global, connect, retrieval};
use crate::client::Client;
use crate::client::progress::Progress;
use crate::client::pull::{Span, cat_range, pull};
use crate::kernel::id::PackageRef;
use crate::kernel::manifest::PackagePath;

/// Retrieve a package into a directory, and print its digest last.
///
/// Every file is checked against its digest before it takes its place. What is there and right already is
/// not retrieved again, so a pull that was cut is finished by the same command. What is there and differs stays,
/// unless `--force` is given; nothing is ever deleted.
///
/// With `--range`, only those bytes of one file are retrieved, into a file. They come with a proof that is checked against
/// the file's digest alone, and only proven bytes are written.
///
/// Needs `pull` on the repository. Whoever is given a package to read is recorded in the log, once a day.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
    #[arg(value_name = "PACKAGE")]
    package: PackageRef,
    /// Where to; made if it is not there. With `--range` a file, or `-` for standard output.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Only these bytes of one file: `first-last` (from 0, the last one included), `first-`, or `-length` from the end.
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, conflicts_with = "force")]
    range: Option<Span>,
    /// Which file of the package, if it has more than one.
    #[arg(long, value_name = "PATH", requires = "range")]
    file: Option<PackagePath>,
    /// Overwrite files and links that differ.
    #[arg(long)]
    force: bool,
    /// Ask for the package first if it lies in a cold store. Fails if it cannot be read yet, and says how far it is.
    #[arg(long)]
    retrieve: bool,
    /// Wait until the package can be read.
    #[arg(long, requires = "retrieve")]
    wait: bool,
    /// For how many days it is to be readable then; 7 if nothing is said.
    #[arg(long, value_name = "N", requires = "retrieve")]
    days: Option<u64>,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    if args.retrieve {
        retrieval::ready(&client, &args.package, args.days, args.wait).await?;
    }
    if let Some(span) = args.range {
        return pull_range(&client, &args, span, output).await;
    }
    let progress = Progress::new();
    let bar = Bar::show(&progress, "pull");
    let pulled = pull(&client, &args.package, &args.directory, args.force, &progress).await?;
    drop(bar);
    if !pulled.without_path.is_empty() {
        let count = plural(pulled.without_path.len() as u64, "blob");
        eprintln!(
            "note: {count} of the package without a path not retrieved; `strongroom show` names what has one"
        );
    }
    output.result(&pulled, |out| {
        writeln!(
            out,
            "pulled {}: {} written, {} right already, {}; received {}",
            args.package,
            pulled.written,
            pulled.unchanged,
            bytes(pulled.bytes),
            bytes(pulled.received_bytes)
        )?;
        writeln!(out, "{}", pulled.digest)
    })?;
    Ok(Exit::Done)
}

/// Proven bytes of one file, to a file that is not there yet or to standard output.
async fn pull_range(client: &Client, args: &Args, span: Span, output: &Output) -> anyhow::Result<Exit> {
    let (package, path) = (&args.package, args.file.as_ref());
    if args.directory.as_os_str() == "-" {
        cat_range(client, package, path, span, tokio::io::stdout()).await?;
        return Ok(Exit::Done);
    }
    let shown = args.directory.display();
    let file = tokio::fs::File::create_new(&args.directory).await;
    let file = file.with_context(|| format!("making {shown}"))?;
    match cat_range(client, package, path, span, file).await {
        Ok(range) => {
            let result = json!({"file": args.directory, "from": range.start, "to": range.end});
            let length = bytes(range.end - range.start);
            output.result(&result, |out| writeln!(out, "wrote {shown}: {length}, proven"))?;
            Ok(Exit::Done)
        }
        Err(error) => {
            // A part of a range looks like the range.
            _ = tokio::fs::remove_file(&args.directory).await;
            Err(error.into())
        }
    }
}
