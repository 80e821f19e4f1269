//! `strongroom delete`.

use super::output::{Exit, Output};
use super::{EXIT_STATUS, Global, connect};
use crate::kernel::id::PackageRef;

/// Delete a package, if nothing keeps it. What keeps it is named; its tags go with it.
///
/// The log keeps a tombstone: what was deleted, by whom and why. Its bytes go later, when nothing references them any more
/// (`strongroom gc`). To delete many by rules, see `strongroom policy` and `strongroom retention`.
///
/// Needs `delete` on the repository.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
    #[arg(value_name = "PACKAGE")]
    package: PackageRef,
    /// Why; kept as a document beside the log.
    #[arg(long)]
    reason: String,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    let PackageRef { repository, reference } = &args.package;
    let deleted = client.delete_package(repository, reference, &args.reason).await?;
    let tags = match deleted.tags.len() {
        0 => String::new(),
        _ => format!(
            " and its tags {}",
            deleted.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
    };
    let text = format!("deleted {repository}@{}{tags} (event {})", deleted.digest, deleted.position);
    output.done(&deleted, &text)
}
