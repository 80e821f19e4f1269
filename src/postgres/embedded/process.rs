//! Child processes of the cluster: who runs them, with what environment, and how they end when we end.
//!
//! - They run as an ordinary user: the server refuses root.
//! - They see none of our environment but the search paths: `PG*` variables would redirect them, and secrets
//!   (`DATABASE_URL`, tokens) are none of their business.
//! - They have a session of their own, so that `^C` reaches the service first, which then stops them in order.
//! - On Linux they get the parent-death signal. It follows the *thread* that forked, not the process, so whoever
//!   starts a server does it from a thread that lives as long as the server.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::Mode;
use rustix::process as os;

/// The user that runs the server, when that is not simply us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunAs {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// For messages: the name, or the number where there is no name.
    pub(crate) name: String,
}

/// The identity that last resorts to: `nobody` by number, on systems that have no such entry.
const NOBODY: u32 = 65_534;

impl RunAs {
    /// Nobody but us, unless we are root: then the owner of an existing data directory (which must stay the same),
    /// else `postgres`, else `nobody`.
    pub(crate) fn choose(data: &Path) -> Option<Self> {
        if !os::geteuid().is_root() {
            return None;
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        if let Ok(found) = fs::metadata(data)
            && found.uid() != 0
        {
            let (uid, gid) = (found.uid(), found.gid());
            let name = name_of(&passwd, uid).unwrap_or_else(|| uid.to_string());
            return Some(Self { uid, gid, name });
        }
        Some(user_in(&passwd, "postgres").or_else(|| user_in(&passwd, "nobody")).unwrap_or_else(|| Self {
            uid: NOBODY,
            gid: NOBODY,
            name: NOBODY.to_string(),
        }))
    }
}

/// `/etc/passwd` only: enough for `postgres` and `nobody`, and no name service inside a threaded program.
fn user_in(passwd: &str, name: &str) -> Option<RunAs> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        (uid != 0).then(|| RunAs { uid, gid, name: name.to_owned() })
    })
}

fn name_of(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_owned())
    })
}

/// Gives a path to the user that runs the server; nothing to do when that is us.
pub(crate) fn give_to(path: &Path, run_as: Option<&RunAs>) -> io::Result<()> {
    match run_as {
        Some(user) => std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid)),
        None => Ok(()),
    }
}

/// A command with a bare environment, run by `run_as`, from `/`.
pub(crate) fn command(program: &Path, run_as: Option<&RunAs>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
    for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if let Some(user) = run_as {
        // The standard library drops the supplementary groups as well.
        command.uid(user.uid).gid(user.gid);
    }
    command
}

/// Makes the child private (umask, own session) and, on Linux, mortal: it gets `signal` when this thread ends.
#[expect(
    unsafe_code,
    reason = "pre_exec is the only way to set a parent-death signal after setuid, which clears it"
)]
pub(crate) fn bind_to_this_thread(command: &mut Command, signal: os::Signal) -> &mut Command {
    #[cfg(target_os = "linux")]
    let parent = os::getpid();
    let prepare = move || -> io::Result<()> {
        os::umask(Mode::from_raw_mode(0o077));
        os::setsid()?;
        #[cfg(not(target_os = "linux"))]
        let _ = signal;
        #[cfg(target_os = "linux")]
        {
            os::set_parent_process_death_signal(Some(signal))?;
            // The parent may have died between fork and prctl; nobody would tell us any more.
            if os::getppid() != Some(parent) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `prepare` makes plain system calls
    // (umask, setsid, prctl, getppid), captures two integers, and neither allocates nor takes a lock.
    unsafe { command.pre_exec(prepare) }
}

/// Whether that user can stand in `directory`. Asks the kernel, in a child, instead of adding up mode bits and ACLs.
pub(crate) fn reaches(directory: &Path, run_as: Option<&RunAs>) -> bool {
    // The standard library changes directory after it changed user, so the spawn itself is the answer.
    command(Path::new("/bin/sh"), run_as)
        .args(["-c", ":"])
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\nbroken\n";

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let nobody = user_in(PASSWD, "nobody").unwrap();
        assert_eq!((nobody.uid, nobody.gid), (65_534, 65_533));
        assert_eq!(name_of(PASSWD, 65_534).as_deref(), Some("nobody"));
        assert_eq!(user_in(PASSWD, "postgres"), None);
    }

    #[test]
    fn root_is_never_chosen_to_run_the_server() {
        assert_eq!(user_in(PASSWD, "root"), None);
    }

    #[test]
    fn a_child_sees_none_of_the_environment_that_would_redirect_it() {
        let output = command(Path::new("/usr/bin/env"), None).output().unwrap();
        let seen = String::from_utf8(output.stdout).unwrap();
        assert!(seen.contains("LC_ALL=C"));
        assert!(!seen.lines().any(|line| line.starts_with("PG") || line.starts_with("HOME=")), "{seen}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_not_reached() {
        assert!(reaches(Path::new("/"), None));
        assert!(!reaches(Path::new("/no/such/directory"), None));
    }
}
