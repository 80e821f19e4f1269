//! `strongroom retention`.

use std::path::PathBuf;

use anyhow::Context as _;

use super::output::{Exit, Output};
use super::{EXIT_STATUS, Global, connect, plan};
use crate::kernel::id::PolicyName;
use crate::wire::plan::MakePlan;

/// See what retention policies would do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a plan: what the policies that stand would do now, by which rule, and what is in the way. Nothing is changed.
    ///
    /// Needs `retention:plan`.
    #[command(after_help = EXIT_STATUS)]
    Plan {
        /// Plan for this policy only; repeatable. Others keep and lock, and do nothing else.
        #[arg(long = "policy", value_name = "NAME")]
        policies: Vec<PolicyName>,
        /// Write the plan's documents to this file.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let Command::Plan { policies, output: file } = args.command;
    let (found, bytes) = connect::client(global)?.plan(&MakePlan { policies }).await?;
    if let Some(file) = file {
        std::fs::write(&file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
    }
    plan::print(&found, &bytes, output)
}
