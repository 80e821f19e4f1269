//! This test program run again as a process of its own, which can be killed or run as another user.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use strongroom::postgres::embedded::{Cluster, Search};
use strongroom::postgres::{Database, Settings};

const ROLE: &str = "STRONGROOM_TEST_ROLE";
const STATE: &str = "STRONGROOM_TEST_STATE";

/// The command that runs `role` on a state directory in a process of its own.
pub(crate) fn command(program: &Path, role: &str, state: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", "child::plays_its_role", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(STATE, state).stdin(Stdio::null()).stderr(Stdio::inherit());
    command
}

/// A running child and what it says.
pub(crate) struct Running {
    pub(crate) process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

pub(crate) fn start(role: &str, state: &Path) -> Running {
    let program = std::env::current_exe().unwrap();
    let mut process = command(&program, role, state).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    Running { process, lines }
}

impl Running {
    /// The rest of the next line that begins with that word; none at the end of the output.
    pub(crate) fn next(&mut self, word: &str) -> Option<String> {
        loop {
            let line = self.lines.next()?.unwrap();
            // The harness prints "test child::plays_its_role ... " without a line's end before our first line.
            if let Some((_, rest)) = line.split_once(&format!("@{word} ")) {
                return Some(rest.to_owned());
            }
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

/// Not a claim of its own: the entry of the children that other tests start. Without a role there is nothing to do.
#[test]
fn plays_its_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let state = std::env::var_os(STATE).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match role.as_str() {
        "write" => runtime.block_on(write(state.as_ref())),
        "open and close" => runtime.block_on(open_and_close(state.as_ref())),
        "need a download" => match Cluster::start(state.as_ref(), &Search::only_in(Vec::new())) {
            Ok(_) => println!("@started "),
            Err(error) => println!("@refused {error}"),
        },
        other => panic!("no such role: {other}"),
    }
}

/// Writes rows for ever; says each after its commit is acknowledged.
async fn write(state: &Path) {
    let database = Database::open(&Settings::embedded(state)).await.unwrap();
    let pool = database.pool();
    let postmaster = std::fs::read_to_string(state.join("pgdata/postmaster.pid")).unwrap();
    println!("@server {}", postmaster.lines().next().unwrap());
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS public.acknowledged (n bigint PRIMARY KEY)")
        .execute(pool)
        .await
        .unwrap();
    let present: Vec<i64> =
        sqlx::query_scalar("SELECT n FROM public.acknowledged ORDER BY n").fetch_all(pool).await.unwrap();
    let text: Vec<_> = present.iter().map(i64::to_string).collect();
    println!("@present {}", text.join(" "));
    for n in present.last().map_or(0, |last| last + 1).. {
        sqlx::query("INSERT INTO public.acknowledged VALUES ($1)").bind(n).execute(pool).await.unwrap();
        println!("@acknowledged {n}");
    }
}

async fn open_and_close(state: &Path) {
    let database = Database::open(&Settings::embedded(state)).await.unwrap();
    let user: String =
        sqlx::query_scalar("SELECT current_user::text").fetch_one(database.pool()).await.unwrap();
    println!("@opened as {user}");
    database.close().await;
    println!("@closed ");
}
