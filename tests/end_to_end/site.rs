//! A whole site on one machine, each part a process that can be ended: a control node on a Postgres of its own, two data
//! nodes over one bucket behind a balancer, and the network to the bucket.

use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::harness::{Actor, Network, scratch, text, until};
use crate::process::Process;
use crate::s3_server;

/// All of it.
pub(crate) struct Site {
    pub(crate) control: Process,
    pub(crate) data: [Process; 2],
    pub(crate) to_bucket: Network,
    pub(crate) postgres: Postgres,
    pub(crate) directory: TempDir,
    _own: Option<s3_server::Server>,
    _runtime: Runtime,
}

impl Site {
    /// Clients reach the data nodes through a balancer.
    pub(crate) fn balanced() -> Self {
        Self::start(|addresses| vec![balance(addresses)])
    }

    /// Clients are told the address of each data node.
    pub(crate) fn direct() -> Self {
        Self::start(|addresses| addresses.to_vec())
    }

    fn start(reached: impl Fn([SocketAddr; 2]) -> Vec<SocketAddr>) -> Self {
        let runtime = Runtime::new().unwrap();
        let directory = scratch();
        let real = s3_server::on_the_real_server();
        let own = real.is_none().then(|| runtime.block_on(s3_server::Server::start()));
        let settings = real.or_else(|| own.as_ref().map(s3_server::Server::settings)).unwrap();
        let endpoint = settings.endpoint.unwrap();
        let to_bucket = Network::to(endpoint.strip_prefix("http://").unwrap().parse().unwrap());
        let store = format!(
            "[[store]]\nname = 'bucket'\nkind = 's3'\nbucket = '{}'\nprefix = '{}'\nendpoint = '{}'\n",
            settings.bucket,
            settings.prefix,
            to_bucket.url()
        );
        let postgres = Postgres::start(&directory.path().join("postgres"));
        let addresses = [free(), free()];
        let control_at = free();
        let urls: Vec<_> = reached(addresses).iter().map(|at| format!("http://{at}")).collect();
        let urls = urls.join(",");
        let database = ["--database-url", &*postgres.url()];
        let planes = ["--plane", "control", "--node", "c1", "--store", "bucket", "--data-url", &*urls];
        let state = directory.path().join("control");
        let control = Process::start(state, control_at, &[&planes[..], &database].concat());
        let data = [1, 2].map(|n: usize| {
            let config = directory.path().join(format!("d{n}.toml"));
            fs::write(&config, &store).unwrap();
            let (name, control_url) = (format!("d{n}"), format!("http://{control_at}"));
            let planes = ["--plane", "data", "--node", &*name, "--control-url", &*control_url];
            let arguments = [&planes[..], &["--config", text(&config)]].concat();
            Process::start(directory.path().join(&name), addresses[n - 1], &arguments)
        });
        let site = Self { control, data, to_bucket, postgres, directory, _own: own, _runtime: runtime };
        site.enroll();
        site
    }

    fn enroll(&self) {
        for (n, node) in (1..).zip(&self.data) {
            let scope = format!("node:d{n}");
            let minted = self.admin().json(&["token", "mint", "--scope", &scope]);
            fs::write(node.state.join("node.token"), minted["secret"].as_str().unwrap()).unwrap();
        }
        self.until_ready();
    }

    pub(crate) fn until_ready(&self) {
        for node in self.data.iter().chain([&self.control]) {
            until("every node to be ready", || node.ready().0 == 200);
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.control.address)
    }

    pub(crate) fn admin(&self) -> Actor {
        let token = fs::read_to_string(self.control.state.join("admin.token")).unwrap();
        Actor::new(self.url(), token.trim().to_owned())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A proxy that gives each connection to the next server that takes it.
fn balance(servers: [SocketAddr; 2]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, next) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let first = next.fetch_add(1, Ordering::Relaxed);
            let mut turns = (first..first + servers.len()).map(|turn| servers[turn % servers.len()]);
            // Without a server the client sees its connection end.
            let Some(server) = turns.find_map(|server| TcpStream::connect(server).ok()) else { continue };
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                });
            }
        }
    });
    address
}

/// A Postgres that is not the service's own, by the tools that come with it.
pub(crate) struct Postgres {
    directory: PathBuf,
    port: u16,
}

impl Postgres {
    fn start(directory: &Path) -> Self {
        fs::create_dir(directory).unwrap();
        let this = Self { directory: directory.to_owned(), port: free().port() };
        if is_root() {
            let owner = Command::new("id").args(["-u", "postgres"]).output().unwrap();
            let owner = String::from_utf8(owner.stdout).unwrap().trim().parse().unwrap();
            chown(directory, Some(owner), None).unwrap();
        }
        let data = this.data();
        this.run("initdb", &["-D", text(&data), "-U", "strongroom", "--auth=trust", "--data-checksums"]);
        this.resume();
        this.run(
            "createdb",
            &["-h", "127.0.0.1", "-p", &this.port.to_string(), "-U", "strongroom", "strongroom"],
        );
        this
    }

    fn url(&self) -> String {
        format!("postgres://strongroom@127.0.0.1:{}/strongroom", self.port)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// As a crash ends it: nothing is finished, nothing is flushed.
    pub(crate) fn crash(&self) {
        self.run("pg_ctl", &["stop", "-D", text(&self.data()), "-m", "immediate"]);
    }

    pub(crate) fn resume(&self) {
        let (data, log) = (self.data(), self.directory.join("log"));
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={}",
            self.port,
            text(&self.directory)
        );
        self.run("pg_ctl", &["start", "-w", "-D", text(&data), "-l", text(&log), "-o", &options]);
    }

    fn run(&self, tool: &str, arguments: &[&str]) {
        let mut versions: Vec<_> =
            fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().collect();
        versions.sort_by_key(std::fs::DirEntry::file_name);
        let program = versions
            .last()
            .map_or_else(|| PathBuf::from(tool), |newest| newest.path().join("bin").join(tool));
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir(&self.directory).env_remove("PGDATA");
        // The server that is started here must not hold the pipes of the tests.
        let status =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{tool} {arguments:?}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.crash();
        }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
