//! `strongroom tag`.

use serde::Serialize;

use super::output::{Exit, Output, table};
use super::target::Tagged;
use super::{EXIT_STATUS, Global, connect};
use crate::client::{Client, Condition};
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::{Reference, RepositoryName, Tag};
use crate::wire::tag::TagEntry;

/// Set, remove and list tags: movable names for packages.
///
/// A tag names a package; it does not protect it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a tag name a package that is in the repository.
    ///
    /// Needs `push` on the repository.
    #[command(after_help = EXIT_STATUS)]
    Set {
        /// The tag, as `<repository>:<tag>`.
        #[arg(value_name = "REPOSITORY:TAG")]
        tag: Tagged,
        /// The package, by digest or by another tag.
        #[arg(value_name = "REF")]
        reference: Reference,
        /// What the tag must name now, or `none` if it must not exist; otherwise nothing is changed.
        #[arg(long, value_name = "DIGEST|none", value_parser = expected)]
        expected: Option<Condition>,
    },
    /// Remove a tag. The package stays.
    ///
    /// Needs `delete` on the repository.
    #[command(after_help = EXIT_STATUS)]
    Remove {
        /// The tag, as `<repository>:<tag>`.
        #[arg(value_name = "REPOSITORY:TAG")]
        tag: Tagged,
        /// What the tag must name now; otherwise it stays.
        #[arg(long, value_name = "DIGEST")]
        expected: Option<Blake3>,
    },
    /// List the tags of a repository.
    ///
    /// Needs `pull` on the repository.
    #[command(after_help = EXIT_STATUS)]
    List {
        /// The repository.
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryName,
    },
}

pub(super) fn expected(text: &str) -> Result<Condition, String> {
    match text {
        "none" => Ok(Condition::Absent),
        digest => digest
            .parse()
            .map(Condition::Names)
            .map_err(|error: crate::kernel::digest::Error| error.to_string()),
    }
}

#[derive(Serialize)]
struct Removed {
    repository: RepositoryName,
    tag: Tag,
    removed: bool,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::Set { tag: Tagged { repository, tag }, reference, expected } => {
            let digest = resolve(&client, &repository, reference).await?;
            let condition = expected.unwrap_or(Condition::Always);
            let set = client.set_tag(&repository, &tag, digest, condition).await?;
            let before = set.previous.map_or_else(String::new, |previous| format!(", before {previous}"));
            output.done(&set, &format!("{repository}:{tag} names {}{before}", set.digest))
        }
        Command::Remove { tag: Tagged { repository, tag }, expected } => {
            client.remove_tag(&repository, &tag, expected).await?;
            let text = format!("removed {repository}:{tag}");
            output.done(&Removed { repository, tag, removed: true }, &text)
        }
        Command::List { repository } => {
            let tags = client.tags(&repository).await?;
            output.result(&tags, |out| {
                let row = |entry: &TagEntry| {
                    let (tag, digest) = (entry.tag.to_string(), entry.digest.to_string());
                    vec![tag, digest, entry.updated_at.to_string(), entry.actor.to_string()]
                };
                let rows: Vec<_> = tags.iter().map(row).collect();
                table(out, &["TAG", "DIGEST", "SET", "BY"], &[], &rows)
            })?;
            Ok(Exit::Done)
        }
    }
}

pub(super) async fn resolve(
    client: &Client,
    repository: &RepositoryName,
    reference: Reference,
) -> anyhow::Result<Digest> {
    Ok(match reference {
        Reference::Digest(digest) => digest,
        Reference::Tag(tag) => client.tag(repository, &tag).await?.digest.into(),
    })
}
