//! The `strongroom` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    strongroom::cli::run(std::env::args_os())
}
