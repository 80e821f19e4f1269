//! `strongroom cat`.

use super::output::Exit;
use super::{EXIT_STATUS, Global, connect};
use crate::client::pull::cat;
use crate::kernel::id::PackageRef;
use crate::kernel::manifest::PackagePath;

/// Write one file of a package to standard output.
///
/// Its digests are checked as it passes: exit status 3 says that what was written is not what was deposited.
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
}

pub(super) async fn run(args: Args, global: &Global) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    cat(&client, &args.package, &args.path, tokio::io::stdout()).await?;
    Ok(Exit::Done)
}
