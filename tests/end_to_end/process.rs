//! One process of the service, whatever planes it has, and how to end it and start it again.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;

use crate::harness::spawn_plane;

/// `strongroom serve` of any kind, and how to start it again.
pub(crate) struct Process {
    child: Child,
    pub(crate) state: PathBuf,
    pub(crate) address: SocketAddr,
    arguments: Vec<String>,
}

impl Process {
    pub(crate) fn start(state: PathBuf, address: SocketAddr, arguments: &[&str]) -> Self {
        let (child, address) = spawn_plane(&state, &address.to_string(), arguments);
        Self { child, state, address, arguments: arguments.iter().map(|text| (*text).to_owned()).collect() }
    }

    /// As an accident ends it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.child = spawn_plane(&self.state, &self.address.to_string(), &arguments).0;
    }

    pub(crate) fn stop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }

    pub(crate) fn ready(&self) -> (u16, String) {
        get(&format!("http://{}/readyz", self.address))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = fs::read_to_string(self.state.with_extension("log")).unwrap_or_default();
            let from = log.lines().count().saturating_sub(20);
            let end: Vec<&str> = log.lines().skip(from).collect();
            eprintln!("the log of {} ends:\n{}", self.state.display(), end.join("\n"));
        }
        self.stop();
    }
}

/// What is answered to a GET: its status and its body.
pub(crate) fn get(url: &str) -> (u16, String) {
    let output = Command::new("curl").args(["-s", "-w", "\n%{http_code}", url]).output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    let (body, status) = answer.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}
