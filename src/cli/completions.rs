//! `strongroom completions`.

use std::io::Write;

use clap_complete::Shell;

use super::EXIT_STATUS;
use super::output::{Exit, Output};

/// Print the completions of a shell, to be saved where it looks for them.
///
/// For bash: strongroom completions bash > ~/.local/share/bash-completion/completions/strongroom
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, command: &mut clap::Command, _: &Output) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "strongroom", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(Exit::Done)
}
