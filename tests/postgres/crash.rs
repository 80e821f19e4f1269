//! Kills at every point, and what the next start makes of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use strongroom::postgres::embedded::Cluster;

use crate::child;
use crate::scene::{Scene, usual, we_are_root};

const ROUNDS: usize = 20;

/// Even rounds kill the service alone: its server is told by the parent-death signal, and may still be stopping when
/// the next one starts. Odd rounds kill the server first, so that the next start recovers from the log.
#[test]
fn after_twenty_kills_every_acknowledged_row_is_there() {
    let scene = Scene::new();
    let mut acknowledged: Vec<i64> = Vec::new();
    for round in 0..ROUNDS {
        let mut service = child::start("write", &scene.state());
        let server: i32 = service.next("server").unwrap().parse().unwrap();
        let present: Vec<i64> =
            service.next("present").unwrap().split_whitespace().map(|n| n.parse().unwrap()).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|n| present.binary_search(n).is_err()).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        for _ in 0..=round * 3 {
            acknowledged.push(service.next("acknowledged").unwrap().parse().unwrap());
        }
        if round % 2 == 1 {
            kill_process(Pid::from_raw(server).unwrap(), Signal::KILL).unwrap();
        }
        service.kill();
        // What it said between our last look and its end counts as well.
        while let Some(n) = service.next("acknowledged") {
            acknowledged.push(n.parse().unwrap());
        }
    }
    let mut last = child::start("write", &scene.state());
    let present = last.next("present").unwrap();
    let present: Vec<i64> = present.split_whitespace().map(|n| n.parse().unwrap()).collect();
    assert!(acknowledged.iter().all(|n| present.binary_search(n).is_ok()));
    assert!(acknowledged.len() >= ROUNDS);
    last.kill();
    scene.settle();
}

#[test]
fn an_orphaned_server_is_stopped_before_its_data_is_touched() {
    let scene = Scene::new();
    let cluster = scene.start();
    let server = cluster.installation().binaries.join("postgres");
    let _ = cluster.stop();
    let mut orphan = run_server(&server, &scene.data());
    let again = scene.start();
    assert_ne!(again.server_pid(), orphan.id());
    assert!(orphan.wait().unwrap().success(), "it was shut down, not killed");
    let _ = again.stop();
}

/// A server that nobody told about its service's end.
fn run_server(server: &Path, data: &Path) -> std::process::Child {
    let mut command = Command::new(server);
    command.arg("-D").arg(data).arg("-k").arg(data).args(["-c", "listen_addresses="]);
    command.env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if we_are_root() {
        use std::os::unix::fs::MetadataExt;
        use std::os::unix::process::CommandExt;
        let owner = std::fs::metadata(data).unwrap();
        command.uid(owner.uid()).gid(owner.gid());
    }
    let mut child = command.spawn().unwrap();
    let ready = || {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        text.lines().any(|line| line.trim() == "ready")
    };
    while !ready() {
        assert!(child.try_wait().unwrap().is_none(), "it ended at once");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

#[test]
fn a_planted_process_id_of_somebody_else_is_no_obstacle_and_nobody_is_signalled() {
    let scene = Scene::new();
    let _ = scene.start().stop();
    let mut bystander = Command::new("sleep").arg("600").spawn().unwrap();
    for pid in [bystander.id(), 1, std::process::id()] {
        let text = format!("{pid}\n{}\n1700000000\n5432\n/tmp\n\n  1  1\nready\n", scene.data().display());
        std::fs::write(scene.data().join("postmaster.pid"), text).unwrap();
        let _ = scene.start().stop();
    }
    assert!(bystander.try_wait().unwrap().is_none(), "it lives");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn what_a_killed_initdb_left_is_made_anew() {
    let scene = Scene::new();
    let half = scene.state().join("pgdata.new");
    std::fs::create_dir_all(half.join("base")).unwrap();
    std::fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    let _ = scene.start().stop();
    assert!(!half.exists() && scene.data().join("global/pg_control").exists());
}

#[test]
fn a_service_killed_during_its_very_first_start_starts_the_next_time() {
    for delay_ms in [10, 40, 80, 160, 240, 400, 800] {
        let scene = Scene::new();
        let mut service = child::start("write", &scene.state());
        std::thread::sleep(Duration::from_millis(delay_ms));
        service.kill();
        let mut again = child::start("write", &scene.state());
        assert!(again.next("acknowledged").is_some(), "killed after {delay_ms} ms");
        again.kill();
        scene.settle();
    }
}

#[tokio::test]
async fn the_end_of_the_server_is_noticed() {
    let scene = Scene::new();
    let database = scene.open().await;
    let text = std::fs::read_to_string(scene.data().join("postmaster.pid")).unwrap();
    let pid = Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    database.lost().await;
    database.close().await;
    let again = Cluster::start(&scene.state(), &usual()).unwrap();
    let _ = again.stop();
}
