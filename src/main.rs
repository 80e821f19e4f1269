//! The `strongroom` command.

use std::process::ExitCode;

/// Plans are made of small pieces by the million: the C library's allocator took a third of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    strongroom::cli::run(std::env::args_os())
}
