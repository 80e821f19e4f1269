//! What is refused, with a reason that says what to do.

use std::os::unix::fs::PermissionsExt;

use strongroom::postgres::embedded::{Cluster, Error};
use strongroom::postgres::{self, Database};

use crate::child;
use crate::scene::{Scene, usual, we_are_root};

#[tokio::test]
async fn a_second_instance_is_refused_and_the_first_is_named() {
    let scene = Scene::new();
    let mut first = child::start("write", &scene.state());
    first.next("server").unwrap();
    let second = Database::open(&scene.settings()).await.unwrap_err();
    assert!(
        matches!(&second, postgres::Error::Embedded(Error::InUse { holder: Some(pid), .. }) if *pid == first.process.id()),
        "{second}"
    );
    let text = second.to_string();
    assert!(
        text.contains(&format!("process {}", first.process.id())) && text.contains("--state-dir"),
        "{text}"
    );
    assert!(first.next("acknowledged").is_some(), "the first goes on");
    first.kill();
    scene.settle();
}

#[test]
fn a_directory_that_the_servers_user_cannot_enter_is_named() {
    let scene = Scene::new();
    let closed = scene.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    let state = closed.join("state");
    if we_are_root() {
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
        let error = Cluster::start(&state, &usual()).unwrap_err();
        assert!(matches!(&error, Error::Unreachable { directory, .. } if *directory == state), "{error}");
        assert!(error.to_string().contains("/var/lib/strongroom"), "{error}");
    } else {
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
        let error = Cluster::start(&state, &usual()).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == state), "{error}");
    }
}

#[test]
fn a_directory_that_is_no_cluster_is_left_alone() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.data()).unwrap();
    std::fs::write(scene.data().join("thesis.txt"), "years of work").unwrap();
    let error = Cluster::start(&scene.state(), &usual()).unwrap_err();
    assert!(matches!(&error, Error::NotACluster { data } if *data == scene.data()), "{error}");
    assert_eq!(std::fs::read_to_string(scene.data().join("thesis.txt")).unwrap(), "years of work");
}

#[test]
fn a_data_directory_of_another_version_is_refused_and_named() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.data()).unwrap();
    std::fs::write(scene.data().join("PG_VERSION"), "9\n").unwrap();
    if we_are_root() {
        std::os::unix::fs::chown(scene.data(), Some(65_534), Some(65_534)).unwrap();
    }
    let error = Cluster::start(&scene.state(), &usual()).unwrap_err();
    assert!(error.to_string().contains("the data directory needs version 9"), "{error}");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let scene = Scene::new();
    let _ = scene.start().stop();
    std::fs::remove_file(scene.data().join("global/pg_control")).unwrap();
    let error = Cluster::start(&scene.state(), &usual()).unwrap_err();
    assert!(matches!(&error, Error::NotStarted { tail, .. } if tail.contains("pg_control")), "{error}");
}
