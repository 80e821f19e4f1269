//! `strongroom repository`.

use super::output::{Exit, Output, bytes, table};
use super::{EXIT_STATUS, Global, connect};
use crate::kernel::id::RepositoryName;
use crate::wire::repository::{CreateRepository, Repository, SetRepository};

/// Create, change and list repositories.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Create a repository; an error if there is one of that name.
    ///
    /// Needs `push` on the name for a private one, `admin` for a public one. A push creates what it needs by itself.
    #[command(after_help = EXIT_STATUS)]
    Create {
        /// Its name, such as acme/reports.
        #[arg(value_name = "NAME")]
        name: RepositoryName,
        /// Let anyone read it without a token.
        #[arg(long)]
        public: bool,
    },
    /// Change a repository's settings. What is not named stays as it is.
    ///
    /// Needs `admin`.
    #[command(after_help = EXIT_STATUS)]
    Set {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: RepositoryName,
        /// Whether anyone may read it without a token.
        #[arg(long, value_name = "BOOL", required = true, action = clap::ArgAction::Set)]
        public: bool,
    },
    /// List all repositories that the token may read.
    #[command(after_help = EXIT_STATUS)]
    List,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    match args.command {
        Command::Create { name, public } => {
            let created =
                connect::client(global)?.create_repository(&CreateRepository { name, public }).await?;
            output.done(&created, &format!("created {}, {}", created.name, access(&created)))
        }
        Command::Set { name, public } => {
            // Setting would make what is not there; a misspelt name must not.
            let client = connect::client(global)?;
            client.repository(&name).await?;
            let set = client.set_repository(&name, &SetRepository { public: Some(public) }).await?;
            output.done(&set, &format!("{} is {}", set.name, access(&set)))
        }
        Command::List => list(global, output).await,
    }
}

/// Also what `strongroom list` does without a name.
pub(super) async fn list(global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let repositories = connect::client(global)?.repositories().await?;
    output.result(&repositories, |out| {
        let row = |repository: &Repository| {
            vec![
                repository.name.to_string(),
                access(repository).to_owned(),
                repository.packages.to_string(),
                bytes(repository.bytes),
                repository.created_at.to_string(),
            ]
        };
        let rows: Vec<_> = repositories.iter().map(row).collect();
        table(out, &["REPOSITORY", "ACCESS", "PACKAGES", "SIZE", "CREATED"], &[2, 3], &rows)
    })?;
    Ok(Exit::Done)
}

const fn access(repository: &Repository) -> &'static str {
    if repository.public { "public" } else { "private" }
}
