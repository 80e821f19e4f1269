//! `strongroom list`.

use super::output::{Exit, Output, bytes, table};
use super::{EXIT_STATUS, Global, connect, repository};
use crate::kernel::id::RepositoryName;

/// List the packages of a repository, newest first; or all repositories.
///
/// Needs `pull` on what is to be listed; public repositories are listed for anyone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The repository; all of them, if left out.
    #[arg(value_name = "REPOSITORY")]
    repository: Option<RepositoryName>,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let Some(name) = args.repository else { return repository::list(global, output).await };
    let manifests = connect::client(global)?.manifests(&name).await?;
    output.result(&manifests, |out| {
        let row = |manifest: &crate::wire::manifest::ManifestSummary| {
            let tags: Vec<&str> = manifest.tags.iter().map(|tag| tag.as_str()).collect();
            let pins: Vec<&str> = manifest.pins.iter().map(|pin| pin.as_str()).collect();
            vec![
                manifest.digest.to_string(),
                manifest.blobs.to_string(),
                bytes(manifest.bytes),
                manifest.accepted_at.to_string(),
                tags.join(" "),
                pins.join(" "),
            ]
        };
        let rows: Vec<_> = manifests.iter().map(row).collect();
        table(out, &["DIGEST", "BLOBS", "SIZE", "ACCEPTED", "TAGS", "PINS"], &[1, 2], &rows)
    })?;
    Ok(Exit::Done)
}
