//! How other processes on this machine find a running service: `<state dir>/service.json`.
//!
//! ```text
//! { "url": "http://127.0.0.1:7070", "pid": 4711, "started_at_ms": 1790000000000, "version": "0.1.0" }
//! ```
//! It is written when the service answers and removed when it ends in order. One that was killed leaves it behind: who
//! reads it has to be ready for nobody to answer there.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, files};

const FILE: &str = "service.json";

/// A service that was running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Where it answers.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// When it began to answer, milliseconds since the epoch.
    pub started_at_ms: u64,
    /// The version of the program.
    pub version: String,
}

/// Tells where a node answers.
pub(super) fn announce(state_dir: &Path, url: &str, started_at_ms: u64) -> Result<(), Error> {
    let announcement = Announcement {
        url: url.to_owned(),
        pid: std::process::id(),
        started_at_ms,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let content = serde_json::to_vec_pretty(&announcement).expect("a plain structure");
    files::write(&state_dir.join(FILE), &content)
}

/// What was announced in that state directory. None if nothing was, or it cannot be read.
pub fn announced(state_dir: &Path) -> Option<Announcement> {
    serde_json::from_str(&files::read(&state_dir.join(FILE)).ok()??).ok()
}

/// Removes our announcement, not one that another process has put in its place.
pub(super) fn withdraw(state_dir: &Path) {
    if announced(state_dir).is_some_and(|announcement| announcement.pid == std::process::id()) {
        // One that is left behind misleads nobody who is ready for silence.
        let _ = std::fs::remove_file(state_dir.join(FILE));
    }
}
