//! `strongroom verify`.

use std::path::PathBuf;

use super::output::{Exit, Output, bytes, plural};
use super::progress::Bar;
use super::{EXIT_STATUS, Global, connect};
use crate::client::progress::Progress;
use crate::client::verify::verify;
use crate::kernel::id::PackageRef;

/// Compare the files in a directory with a package, without downloading them.
///
/// Every file is read and hashed. What is changed, missing, of another kind or mode, or there and not in the package
/// is listed, and the exit status is 3.
///
/// Needs `pull` on the repository.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
    #[arg(value_name = "PACKAGE")]
    package: PackageRef,
    /// The directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    let progress = Progress::new();
    let bar = Bar::show(&progress, "verify");
    let verified = verify(&client, &args.package, &args.directory, &progress).await?;
    drop(bar);
    let clean = verified.findings.is_empty();
    output.result(&verified, |out| {
        for finding in &verified.findings {
            writeln!(out, "{:<8} {}", finding.difference.name(), finding.path)?;
        }
        if clean {
            let (entries, read) = (verified.entries, bytes(verified.bytes));
            writeln!(out, "{} is {}: {entries} entries, {read} read", args.directory.display(), args.package)
        } else {
            let count = plural(verified.findings.len() as u64, "difference");
            writeln!(out, "{} is not {}: {count}", args.directory.display(), args.package)
        }
    })?;
    Ok(if clean { Exit::Done } else { Exit::Findings })
}
