//! This test program run again as a process of its own, which can be killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use strongroom::stores::Filesystem;

use crate::harness::{Node, sample};

const STORE: &str = "STRONGROOM_TEST_STORE";

/// What the child uploads in one session; too much for the time that it is given.
pub(crate) const LENGTH: usize = 8 * 1024 * 1024;

/// A running child and what it says.
pub(crate) struct Running {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

/// Starts a child that uploads into that store and says what was acknowledged: `@offset <bytes>`, `@receipt <jws>`.
pub(crate) fn start(store: &Path) -> Running {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child::plays_its_role", "--nocapture", "--test-threads=1"]);
    command.env(STORE, store).stdin(Stdio::null()).stderr(Stdio::inherit());
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    Running { process, lines }
}

impl Running {
    /// What it says next; none at the end.
    pub(crate) fn next(&mut self) -> Option<(String, String)> {
        loop {
            // The last line may be cut in the middle by the kill.
            let line = self.lines.next()?.ok()?;
            // The test program prints its own beginning of a line before our first one.
            let Some((_, said)) = line.split_once('@') else { continue };
            let (word, rest) = said.split_once(' ').unwrap();
            return Some((word.to_owned(), rest.to_owned()));
        }
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves no writer behind; one that was killed already is no matter.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Not a claim of its own: the entry of the child that another test starts. Without a store there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plays_its_role() {
    let Some(store) = std::env::var_os(STORE).map(PathBuf::from) else { return };
    let node = Node::on(Arc::new(Filesystem::open(&store).await.unwrap()));
    let bytes = sample(LENGTH);
    let grant = node.may_upload(LENGTH as u64);
    let mut status = node.plane.create(&grant, None).await.unwrap();
    for n in 0.. {
        let from = usize::try_from(status.offset).unwrap();
        let part = &bytes[from..LENGTH.min(from + 300_000 + n * 1_000)];
        status = node.append(&grant, status.session, status.offset, part).await.unwrap();
        println!("@offset {}", status.offset);
        let small = Bytes::from(sample(1_000 + n));
        let stored = node.plane.put_small(&node.may_upload(small.len() as u64), small).await.unwrap();
        println!("@receipt {}", stored.receipt);
    }
}
