//! `strongroom repository`.

use super::output::{Exit, Output, bytes, table};
use super::target::byte_count;
use super::{EXIT_STATUS, Global, connect};
use crate::kernel::event::Provenance;
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
        #[command(flatten)]
        settings: Settings,
    },
    /// Show a repository's settings, and what it holds of what it may.
    ///
    /// Needs `pull` on the repository.
    #[command(after_help = EXIT_STATUS)]
    Show {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: RepositoryName,
    },
    /// List all repositories that the token may read.
    #[command(after_help = EXIT_STATUS)]
    List,
}

/// What is to be changed.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Settings {
    /// Whether anyone may read it without a token.
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    public: Option<bool>,
    /// What becomes of a pin on a package that does not say what it was built from: off, warn or enforce.
    #[arg(long, value_name = "WHAT")]
    provenance: Option<Provenance>,
    /// Bytes that it may hold, such as 10GiB; 0 for any number.
    #[arg(long, value_name = "BYTES", value_parser = byte_count)]
    quota_bytes: Option<u64>,
    /// Packages that it may hold; 0 for any number.
    #[arg(long, value_name = "COUNT")]
    quota_packages: Option<u64>,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    match args.command {
        Command::Create { name, public } => {
            let created =
                connect::client(global)?.create_repository(&CreateRepository { name, public }).await?;
            output.done(&created, &format!("created {}, {}", created.name, access(&created)))
        }
        Command::Set { name, settings } => {
            // Setting would make what is not there; a misspelt name must not.
            let client = connect::client(global)?;
            client.repository(&name).await?;
            let Settings { public, provenance, quota_bytes, quota_packages } = settings;
            let request = SetRepository { public, provenance, quota_bytes, quota_packages };
            show(&client.set_repository(&name, &request).await?, output)
        }
        Command::Show { name } => show(&connect::client(global)?.repository(&name).await?, output),
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

fn show(repository: &Repository, output: &Output) -> anyhow::Result<Exit> {
    output.result(repository, |out| {
        writeln!(out, "repository  {}, {}", repository.name, access(repository))?;
        writeln!(out, "created     {}", repository.created_at)?;
        let quota = |limit: u64, text: String| if limit == 0 { "any number".to_owned() } else { text };
        let packages = quota(repository.quota_packages, repository.quota_packages.to_string());
        writeln!(out, "packages    {} of {packages}", repository.packages)?;
        let size = quota(repository.quota_bytes, bytes(repository.quota_bytes));
        writeln!(out, "size        {} of {size}", bytes(repository.bytes))?;
        writeln!(out, "provenance  {}", repository.provenance)
    })?;
    Ok(Exit::Done)
}

const fn access(repository: &Repository) -> &'static str {
    if repository.public { "public" } else { "private" }
}
