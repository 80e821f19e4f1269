//! One running server: started on a thread of its own, watched until it is ready, stopped by steps.
//!
//! The thread lives exactly as long as the server, because the parent-death signal follows the thread that forked.
//! It learns of the end without reaping, marks it, and only then reaps: so a signal never goes to a process id that
//! somebody else has by now.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

use super::process::{RunAs, bind_to_this_thread, command};
use super::socket::{PORT, SocketDirectory};
use super::{Error, Installation};

/// Crash recovery replays up to `max_wal_size` and may take minutes on a slow disk.
const READY_WITHIN: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(5);
/// A log that has grown past this is put aside at the next start, so that it does not grow for years.
const LOG_BYTES_MAX: u64 = 16 << 20;
const LOG_TAIL_LINES: usize = 12;

/// Set on the command line, where neither a configuration file nor `ALTER SYSTEM` overrides them.
const SETTINGS: &[&str] = &[
    // Durability: an acknowledged commit is on the disk, whole. Asserted again with SHOW by every connection pool.
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    // Nothing on the network.
    "listen_addresses=",
    "unix_socket_permissions=0700",
    // Containers have a small /dev/shm and no huge pages.
    "dynamic_shared_memory_type=mmap",
    "huge_pages=off",
    // One service: a pool, a writer, a signer, a few offline commands; and room for a benchmark of 64 clients beside it.
    "max_connections=128",
    "shared_buffers=128MB",
    // An append-heavy log: rarer checkpoints, fewer full pages; compiling small statements costs more than it saves.
    "max_wal_size=2GB",
    "checkpoint_timeout=10min",
    "jit=off",
    "autovacuum=on",
    "cluster_name=strongroom",
    "logging_collector=off",
    "log_destination=stderr",
    "log_line_prefix=%m [%p] %a ",
    // Statement texts are ours and static; values may be anything and stay out of the log.
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Fast shutdown: a checkpoint was written.
    Fast,
    /// Immediate shutdown: the next start recovers from the write-ahead log.
    Immediate,
    /// Killed, as the last resort; the next start recovers.
    Killed,
    /// It had ended before.
    Already,
    /// It is still there: the next start will try again.
    Stuck,
}

/// A postmaster that we started.
#[derive(Debug)]
pub(crate) struct Server {
    pid: Pid,
    /// False once the process has ended, before it is reaped. Held while a signal is sent.
    alive: Arc<Mutex<bool>>,
    ended: watch::Receiver<bool>,
}

impl Server {
    /// Starts the server and waits until it takes connections.
    pub(crate) fn start(
        installation: &Installation,
        state: &Path,
        socket: &SocketDirectory,
        run_as: Option<&RunAs>,
    ) -> Result<Self, Error> {
        let data = state.join("pgdata");
        let log = Log::open(state)?;
        let mut postgres = command(&installation.binaries.join("postgres"), run_as);
        postgres.arg("-D").arg(&data).arg("-c").arg(format!("port={PORT}"));
        postgres.arg("-c").arg(format!("unix_socket_directories={}", socket.setting()));
        for setting in SETTINGS.iter().chain(&[wal_compression(installation, &data, run_as)]) {
            postgres.arg("-c").arg(setting);
        }
        let failed =
            |source| Error::Io { doing: "start the server in", path: installation.binaries.clone(), source };
        postgres.stdout(log.file.try_clone().map_err(failed)?);
        postgres.stderr(log.file.try_clone().map_err(failed)?);
        let server = Self::spawn(postgres).map_err(failed)?;
        server.wait_until_ready(&data.join("postmaster.pid")).map_err(|how| {
            server.stop();
            Error::NotStarted { how, tail: log.tail(), log: log.path.clone() }
        })?;
        Ok(server)
    }

    fn spawn(mut postgres: std::process::Command) -> io::Result<Self> {
        let (started, start) = mpsc::channel();
        let (ends, ended) = watch::channel(false);
        let alive = Arc::new(Mutex::new(true));
        let mark = Arc::clone(&alive);
        thread::Builder::new().name("postgres".into()).spawn(move || {
            // Interrupted, a server shuts down in order.
            match bind_to_this_thread(&mut postgres, Signal::INT).spawn() {
                Ok(child) => {
                    let _ = started.send(Ok(pid_of(&child)));
                    await_end(child, &mark);
                    let _ = ends.send(true);
                }
                Err(source) => {
                    let _ = started.send(Err(source));
                }
            }
        })?;
        let pid =
            start.recv().map_err(|_| io::Error::other("the thread that starts the server is gone"))??;
        Ok(Self { pid, alive, ended })
    }

    /// `postmaster.pid` is what `pg_ctl` reads too: the id in its first line, the status in its eighth.
    fn wait_until_ready(&self, pid_file: &Path) -> Result<(), &'static str> {
        let deadline = Instant::now() + READY_WITHIN;
        let pid = self.pid().to_string();
        loop {
            let text = fs::read_to_string(pid_file).unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            if lines.next() == Some(&pid) && lines.nth(6) == Some("ready") {
                return Ok(());
            }
            if *self.ended.borrow() {
                return Err("it ended");
            }
            if Instant::now() > deadline {
                return Err("it was not ready in time");
            }
            thread::sleep(POLL);
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Becomes true when the server has ended, by us or by itself.
    pub(crate) fn ended(&self) -> watch::Receiver<bool> {
        self.ended.clone()
    }

    /// Fast, then immediate, then killed: never the last first. Blocks.
    pub(crate) fn stop(&self) -> Stopped {
        if !self.signal(None) {
            return Stopped::Already;
        }
        for (signal, seconds, how) in [
            (Signal::INT, 30, Stopped::Fast),
            (Signal::QUIT, 10, Stopped::Immediate),
            (Signal::KILL, 5, Stopped::Killed),
        ] {
            self.signal(Some(signal));
            let deadline = Instant::now() + Duration::from_secs(seconds);
            while Instant::now() < deadline {
                if *self.ended.borrow() {
                    return how;
                }
                thread::sleep(POLL);
            }
        }
        Stopped::Stuck
    }

    /// Sends a signal, if the server still lives. Says whether it does.
    fn signal(&self, signal: Option<Signal>) -> bool {
        let alive = self.alive.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let (true, Some(signal)) = (*alive, signal) {
            // It is our child and not reaped, so the id is still its own; a refusal shows as a server that stays.
            let _ = kill_process(self.pid, signal);
        }
        *alive
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first change of a page after a checkpoint goes to the log whole. Compressing it with pglz, which every server can, was a fifth
/// of what the writer's backend did; the server is asked whether it was built with the cheaper way.
fn wal_compression(installation: &Installation, data: &Path, run_as: Option<&RunAs>) -> &'static str {
    const LZ4: &str = "wal_compression=lz4";
    let mut postgres = command(&installation.binaries.join("postgres"), run_as);
    postgres.arg("-D").arg(data).args(["-C", "wal_compression", "-c", LZ4]);
    match postgres.output() {
        Ok(answer) if answer.status.success() => LZ4,
        _ => "wal_compression=on",
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn await_end(mut child: Child, alive: &Mutex<bool>) {
    let id = WaitId::Pid(pid_of(&child));
    while let Err(error) = waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
        if error != rustix::io::Errno::INTR {
            break;
        }
    }
    *alive.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = false;
    let _ = child.wait();
}

/// The server's log, and where this start begins in it.
struct Log {
    path: PathBuf,
    file: File,
    begin: u64,
}

impl Log {
    fn open(state: &Path) -> Result<Self, Error> {
        let path = state.join("postgres.log");
        let open = || {
            if fs::metadata(&path).is_ok_and(|found| found.len() > LOG_BYTES_MAX) {
                fs::rename(&path, state.join("postgres.log.1"))?;
            }
            // Its messages may quote rows.
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            let begin = file.metadata()?.len();
            Ok((file, begin))
        };
        match open() {
            Ok((file, begin)) => Ok(Self { path, file, begin }),
            Err(source) => Err(Error::Io { doing: "open", path, source }),
        }
    }

    fn tail(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.begin))?;
            file.take(LOG_BYTES_MAX).read_to_end(&mut text)
        });
        if let Err(source) = read {
            return format!("(it cannot be read: {source})");
        }
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}
