//! `strongroom cat`.

use super::output::Exit;
use super::{EXIT_STATUS, Global, connect};
use crate::client::pull::{Span, cat, cat_range};
use crate::kernel::id::PackageRef;
use crate::kernel::manifest::PackagePath;

/// Write one file of a package to standard output.
///
/// Its digest is checked as it passes: exit status 3 says that what was written is not what was deposited. With `--range`
/// only those bytes are retrieved, with a proof that they are of the file, and only proven bytes are written.
///
/// Needs `pull` on the repository.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
    #[arg(value_name = "PACKAGE")]
    package: PackageRef,
    /// The file's path in the package.
    #[arg(value_name = "PATH")]
    path: PackagePath,
    /// Only these bytes: `first-last` (from 0, the last one included), `first-`, or `-length` from the end.
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    range: Option<Span>,
}

pub(super) async fn run(args: Args, global: &Global) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    let output = tokio::io::stdout();
    if let Some(span) = args.range {
        cat_range(&client, &args.package, Some(&args.path), span, output).await?;
    } else {
        cat(&client, &args.package, &args.path, output).await?;
    }
    Ok(Exit::Done)
}
