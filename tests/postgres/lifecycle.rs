//! Start, start again, attach, stop.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;

use strongroom::postgres::embedded::Stopped;
use strongroom::postgres::{Database, Origin, Settings};

use crate::child;
use crate::scene::{Scene, entries, show, we_are_root};

#[tokio::test]
async fn what_one_start_wrote_the_next_start_finds() {
    let scene = Scene::new();
    let first = scene.open().await;
    assert_eq!(first.origin(), Origin::Owned);
    sqlx::raw_sql("CREATE TABLE public.kept AS SELECT 7 AS n").execute(first.pool()).await.unwrap();
    first.close().await;

    let second = scene.open().await;
    let n: i32 = sqlx::query_scalar("SELECT n FROM public.kept").fetch_one(second.pool()).await.unwrap();
    assert_eq!(n, 7);
    assert!(second.server_version() >= 150_000);
    second.close().await;
    assert!(!entries(&scene.state()).contains(&"postgres.json".to_owned()), "no address of a stopped server");
}

#[tokio::test]
async fn an_offline_command_attaches_to_the_running_service_and_owns_the_cluster_when_there_is_none() {
    let scene = Scene::new();
    let service = scene.open().await;
    sqlx::raw_sql("CREATE TABLE public.kept AS SELECT 7 AS n").execute(service.pool()).await.unwrap();
    let guest = Database::open_or_attach(&scene.settings()).await.unwrap();
    assert_eq!(guest.origin(), Origin::Attached);
    let n: i32 = sqlx::query_scalar("SELECT n FROM public.kept").fetch_one(guest.pool()).await.unwrap();
    assert_eq!(n, 7);
    guest.close().await;
    sqlx::raw_sql("SELECT 1").execute(service.pool()).await.expect("the guest does not stop the server");
    service.close().await;

    let alone = Database::open_or_attach(&scene.settings()).await.unwrap();
    assert_eq!(alone.origin(), Origin::Owned);
    alone.close().await;
}

#[tokio::test]
async fn an_offline_command_waits_for_a_service_that_is_still_starting() {
    let scene = Scene::new();
    let mut service = child::start("write", &scene.state());
    let pid = service.process.id().to_string();
    while std::fs::read_to_string(scene.state().join("lock")).unwrap_or_default().trim() != pid {
        std::thread::yield_now();
    }
    let guest = Database::open_or_attach(&scene.settings()).await.unwrap();
    assert_eq!(guest.origin(), Origin::Attached);
    guest.close().await;
    assert!(service.next("acknowledged").is_some());
    service.kill();
    scene.settle();
}

#[test]
fn the_callers_postgres_variables_lead_nowhere() {
    let scene = Scene::new();
    let mut command = child::command(&std::env::current_exe().unwrap(), "open and close", &scene.state());
    for (name, value) in [
        ("PGHOST", "/nowhere"),
        ("PGPORT", "1"),
        ("PGUSER", "nobody"),
        ("PGDATABASE", "none"),
        ("PGDATA", "/nowhere"),
        ("PGSSLMODE", "verify-full"),
        ("PGOPTIONS", "-c synchronous_commit=off -c search_path=nowhere"),
    ] {
        command.env(name, value);
    }
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("@opened as strongroom"), "{said}");
}

#[tokio::test]
async fn a_given_directory_of_binaries_is_used() {
    let scene = Scene::new();
    let cluster = scene.start();
    let binaries = cluster.installation().binaries.clone();
    drop(cluster);
    let settings = Settings { postgres_bin: Some(binaries), ..scene.settings() };
    Database::open(&settings).await.unwrap().close().await;
}

#[tokio::test]
async fn a_stale_address_is_passed_over() {
    let scene = Scene::new();
    scene.open().await.close().await;
    let stale = serde_json::json!({
        "socket_directory": "/nowhere", "port": 1, "username": "x", "database": "x",
        "server_pid": 1, "holder_pid": std::process::id(), "ready": true,
    });
    std::fs::write(scene.state().join("postgres.json"), stale.to_string()).unwrap();
    let database = Database::open_or_attach(&scene.settings()).await.unwrap();
    assert_eq!(database.origin(), Origin::Owned);
    database.close().await;
}

#[test]
fn stopping_is_in_order_and_dropping_stops_too() {
    let scene = Scene::new();
    assert_eq!(scene.start().stop(), Stopped::Fast);
    drop(scene.start());
    assert!(!scene.data().join("postmaster.pid").exists());
    assert_eq!(scene.start().stop(), Stopped::Fast);
}

#[tokio::test]
async fn full_pages_are_compressed_the_cheapest_way_that_the_server_was_built_with() {
    let scene = Scene::new();
    let database = scene.open().await;
    let (used, has_lz4): (String, bool) = sqlx::query_as(
        "select setting, coalesce('lz4' = any (enumvals), false) from pg_settings where name = 'wal_compression'",
    )
    .fetch_one(database.pool())
    .await
    .unwrap();
    assert_ne!(used, "off");
    assert_eq!(used == "lz4", has_lz4, "{used}");
    database.close().await;
}

#[tokio::test]
async fn only_we_can_reach_the_server() {
    let scene = Scene::new();
    let database = scene.open().await;
    let pool = database.pool();
    assert_eq!(show(pool, "listen_addresses").await, "");
    let socket = show(pool, "unix_socket_directories").await;
    let found = std::fs::metadata(socket.trim_matches('"')).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o700);
    assert_eq!(found.uid(), std::fs::metadata(scene.data()).unwrap().uid());
    assert_eq!(std::fs::metadata(scene.data()).unwrap().permissions().mode() & 0o777, 0o700);
    assert_ne!(found.uid(), 0, "the server never runs as root");
    database.close().await;
}

#[tokio::test]
async fn a_state_directory_with_a_long_path_has_its_socket_elsewhere() {
    let scene = Scene::new();
    let mut settings = scene.settings();
    settings.state_dir = scene.path().join("l".repeat(100)).join("o, \"n\" g".repeat(12));
    let database = Database::open(&settings).await.unwrap();
    let socket = show(database.pool(), "unix_socket_directories").await;
    let socket = std::path::PathBuf::from(socket.trim_matches('"'));
    assert!(!socket.starts_with(scene.path()) && socket.exists());
    database.close().await;
    assert!(!socket.exists(), "the temporary directory goes with the server");
}

#[tokio::test]
async fn a_path_with_commas_quotes_and_spaces_is_no_obstacle() {
    let scene = Scene::new();
    let mut settings = scene.settings();
    settings.state_dir = scene.path().join("a,b \"c\" 'd'");
    let database = Database::open(&settings).await.unwrap();
    sqlx::raw_sql("SELECT 1").execute(database.pool()).await.unwrap();
    database.close().await;
}

#[test]
fn an_ordinary_user_needs_no_root() {
    let scene = Scene::new();
    let (own, program) = (scene.path().join("own"), scene.path().join("program"));
    std::fs::create_dir(&own).unwrap();
    // This program itself may lie where that user cannot go.
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = child::command(&program, "open and close", &own.join("state"));
    if we_are_root() {
        use std::os::unix::process::CommandExt;
        let nobody = 65_534;
        std::os::unix::fs::chown(&own, Some(nobody), Some(nobody)).unwrap();
        command.uid(nobody).gid(nobody).current_dir("/");
    }
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && said.contains("@opened as strongroom") && said.contains("@closed"),
        "{said}"
    );
    let owner = std::fs::metadata(own.join("state/pgdata")).unwrap().uid();
    assert_eq!(owner, std::fs::metadata(&own).unwrap().uid());
}
