//! A server in a process of its own, so that its memory and CPU can be told from the client's.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::node::service;
use crate::wire::secret::Secret;

const READY_WITHIN: Duration = Duration::from_secs(60);

pub(super) struct Server {
    process: Child,
    pub(super) client: Client,
    pub(super) token: Secret,
}

impl Server {
    /// This program's `serve` on a free loopback port.
    pub(super) async fn start(state: &Path) -> anyhow::Result<Self> {
        Self::start_with(state, &[]).await
    }

    /// The same, with flags of `serve`.
    pub(super) async fn start_with(state: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("finding this program")?;
        let process = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--state-dir"])
            .arg(state)
            .args(flags)
            .env("RUST_LOG", "warn")
            // What is measured is not what a service does by itself beside it.
            .env("STRONGROOM_SCRUB_DAYS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting a server")?;
        let announced = tokio::time::timeout(READY_WITHIN, async {
            loop {
                if let Some(announced) = service::announced(state) {
                    return announced;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let Ok(announced) = announced.await else { bail!("the server did not become ready") };
        let token = std::fs::read_to_string(state.join("admin.token")).context("reading the admin token")?;
        let token = Secret::new(token.trim().to_owned());
        let client = Client::new(&announced.url, Some(token.clone()))?;
        Ok(Self { process, client, token })
    }

    /// Resident memory in bytes: now, and at its highest.
    pub(super) fn memory_bytes(&self) -> anyhow::Result<(u64, u64)> {
        memory_bytes(self.process.id().context("the server has ended")?)
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let process =
            self.process.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        rustix::process::kill_process(
            process.context("the server has ended")?,
            rustix::process::Signal::TERM,
        )?;
        self.process.wait().await?;
        Ok(())
    }
}

/// As many files, and so connections, as the system allows; refused where that is less than the limit says.
pub(super) fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Resident memory of a process in bytes: now, and at its highest. From `/proc`, so on Linux only.
pub(super) fn memory_bytes(process: u32) -> anyhow::Result<(u64, u64)> {
    let status =
        std::fs::read_to_string(format!("/proc/{process}/status")).context("memory is read from /proc")?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1024)
    };
    field("VmRSS:").zip(field("VmHWM:")).context("memory is read from /proc")
}
