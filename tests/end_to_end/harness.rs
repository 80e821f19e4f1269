//! A real server and a real client, each a process of the program, and a network between them that can be slow and
//! can break.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::s3_server::{ACCESS_KEY, SECRET_KEY};

const PROGRAM: &str = env!("CARGO_BIN_EXE_strongroom");

/// Longer than anything takes on a machine that builds at the same time. Only a failure waits so long.
pub(crate) const LONG: Duration = Duration::from_secs(300);

/// A directory that the user of the database may pass through, also where temporary ones are private.
pub(crate) fn scratch() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// `strongroom serve`, with its state in a directory of its own.
pub(crate) struct Server {
    pub(crate) directory: TempDir,
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start() -> Self {
        let directory = scratch();
        let (child, address) = spawn(&directory.path().join("state"), "127.0.0.1:0");
        Self { directory, child, address }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.state().join("admin.token")).unwrap().trim().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// As an accident ends it: nothing is finished, nothing is told.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again, at the same address.
    pub(crate) fn restart(&mut self) {
        let (child, address) = spawn(&self.state(), &self.address.to_string());
        (self.child, self.address) = (child, address);
    }

    /// A client of this server, as its admin.
    pub(crate) fn admin(&self) -> Actor {
        Actor::new(self.url(), self.token())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = fs::read_to_string(self.state().with_extension("log")).unwrap_or_default();
            let from = log.lines().count().saturating_sub(20);
            eprintln!("the server's log ends:\n{}", log.lines().skip(from).collect::<Vec<_>>().join("\n"));
        }
        // In order, so that its database ends too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn spawn(state: &Path, listen: &str) -> (Child, SocketAddr) {
    spawn_plane(state, listen, &[])
}

/// `strongroom serve` with more arguments.
pub(crate) fn spawn_plane(state: &Path, listen: &str, arguments: &[&str]) -> (Child, SocketAddr) {
    let log = fs::File::options().create(true).append(true).open(state.with_extension("log")).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--listen", listen])
        .args(arguments)
        .arg("--state-dir")
        .arg(state)
        .env_remove("DATABASE_URL")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("strongroom is at http://").and_then(|rest| rest.split(',').next());
    let log = || fs::read_to_string(state.with_extension("log")).unwrap();
    let address = address.unwrap_or_else(|| panic!("the server says {line:?}; {}", log()));
    (child, address.parse().unwrap())
}

/// Who runs commands: an address, a token and a home.
pub(crate) struct Actor {
    url: String,
    token: String,
    pub(crate) home: TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Actor {
    pub(crate) fn new(url: String, token: String) -> Self {
        Self { url, token, home: scratch() }
    }

    /// The same person, by another way or as someone else.
    pub(crate) fn through(self, url: String) -> Self {
        Self { url, ..self }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_clear().env("HOME", self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("STRONGROOM_URL", &self.url).env("STRONGROOM_TOKEN", &self.token);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: Vec<u8>) -> Run {
        let piped = Stdio::piped;
        let mut child =
            self.command(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writing = thread::spawn(move || stdin.write_all(&input));
        let run = child.wait_with_output().unwrap().into();
        writing.join().unwrap().unwrap();
        run
    }

    /// A command that has to succeed, and what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.status, 0, "{arguments:?}: {run:?}");
        run.stdout
    }

    /// A command that has to succeed, and its result.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Uploads that are remembered.
    pub(crate) fn remembered(&self) -> usize {
        let records = self.home.path().join(".local/state/strongroom/uploads");
        fs::read_dir(records).map_or(0, |records| {
            records.filter(|record| record.as_ref().unwrap().metadata().unwrap().len() > 0).count()
        })
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Waits for something that happens elsewhere.
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < LONG, "{what} did not happen");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A network that passes on so many bytes towards the server and then holds, and that can be cut.
pub(crate) struct Network {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    passed: AtomicU64,
    /// Bytes after which nothing passes any more; 0 for no bound.
    bound: AtomicU64,
    ended: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Network {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A server that is not there: the client sees its connection end.
                if let Ok(server) = TcpStream::connect(server) {
                    shared.connect(client, server);
                }
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets so many more bytes through to the server, and then none.
    pub(crate) fn hold_after(&self, bytes: u64) {
        self.state.bound.store(self.passed() + bytes, Ordering::SeqCst);
    }

    pub(crate) fn release(&self) {
        self.state.bound.store(0, Ordering::SeqCst);
    }

    /// Ends all connections in the middle of whatever they carry.
    pub(crate) fn cut(&self) {
        for connection in self.state.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Bytes that went to the server.
    pub(crate) fn passed(&self) -> u64 {
        self.state.passed.load(Ordering::SeqCst)
    }

    /// Waits until the bound is reached.
    pub(crate) fn until_held(&self) {
        let bound = self.state.bound.load(Ordering::SeqCst);
        until("the network to be full", || self.passed() >= bound);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        self.cut();
    }
}

impl State {
    fn connect(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let both = [client.try_clone().unwrap(), server.try_clone().unwrap()];
        self.connections.lock().unwrap().extend(both);
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let state = self.clone();
        thread::spawn(move || state.carry(from_client, to_server, true));
        let state = self.clone();
        thread::spawn(move || state.carry(server, client, false));
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, counted: bool) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(bytes) = from.read(&mut buffer) {
            if bytes == 0 {
                break;
            }
            while counted && self.is_full() && !self.ended.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(5));
                // A connection that was cut while it was held must not carry on.
                if from.peer_addr().is_err() {
                    return;
                }
            }
            if to.write_all(&buffer[..bytes]).is_err() {
                break;
            }
            if counted {
                self.passed.fetch_add(bytes as u64, Ordering::SeqCst);
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }

    fn is_full(&self) -> bool {
        let bound = self.bound.load(Ordering::SeqCst);
        bound > 0 && self.passed.load(Ordering::SeqCst) >= bound
    }
}

/// Bytes that no compression and no sparse file makes less.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Everything in a directory: path, kind, permissions, content.
pub(crate) fn tree(directory: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let what = if metadata.is_dir() {
                waiting.push(path.clone());
                "directory".to_owned()
            } else if metadata.is_symlink() {
                format!("link {}", fs::read_link(&path).unwrap().display())
            } else {
                let content = blake3::hash(&fs::read(&path).unwrap());
                format!("file {:o} {content}", metadata.mode() & 0o777)
            };
            all.push((path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned(), what));
        }
    }
    all.sort();
    all
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
