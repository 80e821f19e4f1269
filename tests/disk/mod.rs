//! A small disk that tests fill up.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A filesystem of its own of 64 MiB. None where none can be mounted, which is said.
pub(crate) struct Disk(TempDir);

impl Disk {
    pub(crate) fn mount() -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "strongroom-test"])
            .arg(directory.path())
            .output();
        let why = match mount {
            Ok(output) if output.status.success() => return Some(Self(directory)),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
            Err(error) => error.to_string(),
        };
        // The log of the tests names what is left out, and why.
        let _ = writeln!(std::io::stderr(), "left out: filling up a filesystem of 64 MiB: {why}");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}
