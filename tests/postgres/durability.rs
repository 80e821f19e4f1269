//! What is acknowledged is on the disk, whatever anybody configured.

use strongroom::postgres::{Database, DatabaseUrl, Error, Origin, Settings};

use crate::scene::{Scene, show};

#[tokio::test]
async fn durability_is_on_and_connections_are_bounded() {
    let scene = Scene::new();
    let database = scene.open().await;
    let pool = database.pool();
    for (setting, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("jit", "off"),
        ("application_name", "strongroom"),
        ("statement_timeout", "30s"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("search_path", "view,log,public"),
    ] {
        assert_eq!(show(pool, setting).await, value, "{setting}");
    }
    database.close().await;
}

#[tokio::test]
async fn configuring_durability_away_has_no_effect_on_a_private_cluster() {
    let scene = Scene::new();
    let database = scene.open().await;
    for statement in [
        "ALTER SYSTEM SET fsync = off",
        "ALTER SYSTEM SET full_page_writes = off",
        "ALTER DATABASE strongroom SET synchronous_commit = off",
    ] {
        sqlx::raw_sql(statement).execute(database.pool()).await.unwrap();
    }
    database.close().await;
    let database = scene.open().await;
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        assert_eq!(show(database.pool(), setting).await, "on", "{setting}");
    }
    database.close().await;
}

/// A private cluster, seen by its URL as a server that somebody else runs.
async fn external(scene: &Scene) -> (Database, Settings) {
    let owner = scene.open().await;
    let url = DatabaseUrl::from(owner.connect_options().options([("synchronous_commit", "off")]));
    let settings = Settings { database_url: Some(url), ..scene.settings() };
    (owner, settings)
}

#[tokio::test]
async fn an_external_server_that_may_lose_commits_is_refused_and_says_which_setting() {
    let scene = Scene::new();
    let (owner, settings) = external(&scene).await;
    for refused in [Database::open(&settings).await, Database::open_or_attach(&settings).await] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::NotDurable { setting: "synchronous_commit", .. }), "{error}");
        assert!(error.to_string().contains("synchronous_commit=on"), "{error}");
    }
    owner.close().await;
}

#[tokio::test]
async fn an_external_server_is_used_and_left_running() {
    let scene = Scene::new();
    let owner = scene.open().await;
    let settings = Settings { database_url: Some(owner.connect_options().into()), ..scene.settings() };
    for _ in 0..2 {
        let guest = Database::open(&settings).await.unwrap();
        assert_eq!(guest.origin(), Origin::External);
        guest.close().await;
    }
    sqlx::raw_sql("SELECT 1").execute(owner.pool()).await.unwrap();
    owner.close().await;
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused() {
    let scene = Scene::new();
    let database = scene.open().await;
    sqlx::raw_sql(
        "INSERT INTO public._sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999999, 'from the future', true, '', 0)",
    )
    .execute(database.pool())
    .await
    .unwrap();
    let guest = Database::open_or_attach(&scene.settings()).await.unwrap_err();
    assert!(matches!(guest, Error::SchemaNewer { version: 999_999 }), "{guest}");
    database.close().await;
    let owner = Database::open(&scene.settings()).await.unwrap_err();
    assert!(matches!(owner, Error::SchemaNewer { version: 999_999 }), "{owner}");
}

#[tokio::test]
async fn a_guest_never_migrates_an_empty_database() {
    let scene = Scene::new();
    let owner = scene.open().await;
    sqlx::raw_sql("CREATE DATABASE empty").execute(owner.pool()).await.unwrap();
    let url = DatabaseUrl::from(owner.connect_options().database("empty"));
    let settings = Settings { database_url: Some(url), ..scene.settings() };
    let refused = Database::open_or_attach(&settings).await.unwrap_err();
    assert!(matches!(refused, Error::SchemaDiffers { .. }), "{refused}");
    Database::open(&settings).await.unwrap().close().await;
    Database::open_or_attach(&settings).await.unwrap().close().await;
    owner.close().await;
}
