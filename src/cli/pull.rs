//! `strongroom pull`.

use std::path::PathBuf;

use super::output::{Exit, Output, bytes, plural};
use super::progress::Bar;
use super::{EXIT_STATUS, Global, connect};
use crate::client::progress::Progress;
use crate::client::pull::pull;
use crate::kernel::id::PackageRef;

/// Retrieve a package into a directory, and print its digest last.
///
/// Every file is checked against both of its digests before it takes its place. What is there and right already is
/// not retrieved again, so a pull that was cut is finished by the same command. What is there and differs stays,
/// unless `--force` is given; nothing is ever deleted.
///
/// Needs `pull` on the repository. Whoever is given a package to read is recorded in the log, once a day.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
    #[arg(value_name = "PACKAGE")]
    package: PackageRef,
    /// Where to; made if it is not there.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Overwrite files and links that differ.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
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
