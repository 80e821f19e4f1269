//! Servers that outlived the service that started them (`kill -9` of the service, a crash of the machine's init).
//!
//! Called with the state directory locked, so any server process in our data directory is left over. The postmaster
//! and all its children have the data directory as working directory: that is what counts, not the recorded process
//! id, which may belong to anybody by now.
//!
//! - `postmaster.pid` is never removed while one of them lives: it carries PostgreSQL's own shared-memory interlock.
//! - Never `SIGKILL`: a server that does not stop is reported, not torn down.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Error;

/// Fast shutdown writes a checkpoint; immediate shutdown only ends the processes.
const STEPS: [(Signal, Duration); 2] =
    [(Signal::INT, Duration::from_secs(30)), (Signal::QUIT, Duration::from_secs(10))];

const POLL: Duration = Duration::from_millis(20);

/// Stops what still runs in `data`, then removes a stale `postmaster.pid`.
pub(crate) fn stop(data: &Path) -> Result<(), Error> {
    let pid_file = data.join("postmaster.pid");
    let left_over = processes_in(data);
    if !left_over.is_empty() {
        tracing::warn!(?left_over, "stopping the database server that an earlier service left behind");
        end(data)?;
    }
    // Only where we can see for ourselves that nobody is left; elsewhere the server decides whether it is stale.
    if cfg!(target_os = "linux") {
        match fs::remove_file(&pid_file) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Io { doing: "remove the stale", path: pid_file, source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn end(data: &Path) -> Result<(), Error> {
    for (signal, patience) in STEPS {
        // Children without a postmaster end by themselves; with one, it ends them.
        if let Some(postmaster) = postmaster_of(data) {
            // It may have ended since: then there is nothing to signal.
            let _ = kill_process(postmaster, signal);
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if processes_in(data).is_empty() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
    }
    Err(Error::OrphanStays {
        pids: processes_in(data).iter().map(|pid| pid.as_raw_nonzero().get()).collect(),
    })
}

/// The process named in `postmaster.pid`, if it really is one of ours; else the oldest of ours.
fn postmaster_of(data: &Path) -> Option<Pid> {
    let inside = processes_in(data);
    let recorded = fs::read_to_string(data.join("postmaster.pid")).ok();
    // A server without a postmaster, as initdb runs it, records its id negated.
    let recorded = recorded
        .and_then(|text| Pid::from_raw(text.lines().next()?.trim().parse::<i32>().ok()?.checked_abs()?));
    recorded.filter(|pid| inside.contains(pid)).or_else(|| inside.first().copied())
}

/// Server processes that work in `data`, in order of their ids.
#[cfg(target_os = "linux")]
pub(crate) fn processes_in(data: &Path) -> Vec<Pid> {
    // As their user or as root both links are readable; another user could not have opened a 0700 directory.
    let works_here = |pid: i32| {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == data)
            && fs::read_link(format!("/proc/{pid}/exe"))
                .is_ok_and(|program| program.to_string_lossy().contains("postgres"))
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut found: Vec<i32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| works_here(*pid))
        .collect();
    found.sort_unstable();
    found.into_iter().filter_map(Pid::from_raw).collect()
}

/// Without `/proc`: the postmaster alone, found by its command line.
#[cfg(not(target_os = "linux"))]
pub(crate) fn processes_in(data: &Path) -> Vec<Pid> {
    let Ok(listing) = std::process::Command::new("ps").args(["-axo", "pid=,command="]).output() else {
        return Vec::new();
    };
    let wanted = format!("-D {} ", data.display());
    String::from_utf8_lossy(&listing.stdout)
        .lines()
        .filter(|line| line.contains("postgres") && line.contains(&wanted))
        .filter_map(|line| Pid::from_raw(line.split_whitespace().next()?.parse().ok()?))
        .collect()
}
