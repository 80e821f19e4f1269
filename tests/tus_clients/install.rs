//! The clients, installed below `target/` at the exact versions that stand here.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::here;

/// The directory of the npm modules; none if they cannot be had, which is then said.
pub(crate) async fn npm() -> Option<PathBuf> {
    let directory = directory("npm");
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(here(file), directory.join(file)).expect("target is writable");
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&directory).current_dir(&directory);
    run("tus-js-client", install).await.then_some(directory)
}

/// The Python that has the packages; none if they cannot be had, which is then said.
pub(crate) async fn python() -> Option<PathBuf> {
    let directory = directory("python");
    let python = directory.join("bin/python");
    if !python.exists() {
        let mut create = Command::new("python3");
        create.args(["-m", "venv"]).arg(&directory);
        if !run("tuspy", create).await {
            return None;
        }
    }
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--requirement",
    ]);
    install.arg(here("requirements.txt"));
    run("tuspy", install).await.then_some(python)
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tus_clients").join(name);
    std::fs::create_dir_all(&directory).expect("target is writable");
    directory
}

/// Whether it succeeded. If not, the log of the tests says what is left out, and why.
async fn run(what: &str, mut command: Command) -> bool {
    let why = match command.output().await {
        Ok(output) if output.status.success() => return true,
        Ok(output) => {
            String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("no reason").to_owned()
        }
        Err(error) => format!("{:?}: {error}", command.as_std().get_program()),
    };
    // Not by `eprintln!`, which the test runner keeps to itself while a test passes.
    let _ = writeln!(std::io::stderr(), "left out: the upload of {what}: {why}");
    false
}
