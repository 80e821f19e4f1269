//! Whose views they are, before the first append.

use strongroom::log;
use strongroom::views::{self, Prepared};

use crate::harness::postgres::TestDatabase;
use crate::history::{created, everything};
use crate::scene::{Scene, append};

#[tokio::test]
async fn an_empty_log_gets_its_views_once() {
    let database = TestDatabase::fresh().await;
    let pool = database.database.pool();
    let (one, other) = tokio::join!(views::prepare(pool), views::prepare(pool));
    let mut both = [one.unwrap(), other.unwrap()];
    both.sort_by_key(|prepared| *prepared == Prepared::Ready);
    assert_eq!(both, [Prepared::Created, Prepared::Ready]);
}

#[tokio::test]
async fn views_of_an_empty_log_follow_the_program() {
    let database = TestDatabase::fresh().await;
    let pool = database.database.pool();
    sqlx::raw_sql(
        "create schema view; create table view.tags (old text); update log.head set fold_generation = 99",
    )
    .execute(pool)
    .await
    .unwrap();
    assert_eq!(views::prepare(pool).await.unwrap(), Prepared::Created);
    assert!(views::check(pool, |_| {}).await.unwrap().is_clean());
}

#[tokio::test]
async fn other_folds_may_read_but_not_append_until_they_have_rebuilt() {
    let scene = Scene::with(everything()).await;
    scene.execute("update log.head set fold_generation = 99").await;
    assert_eq!(views::prepare(scene.pool()).await.unwrap(), Prepared::NeedsRebuild { live: 99 });
    let refused = append(&scene.log, vec![created(5, true)]).await;
    assert!(
        matches!(refused, Err(log::Error::OtherFolds { live: 99, ours: views::GENERATION })),
        "{refused:?}"
    );
    let page = log::read::page(scene.pool(), &log::read::Query::default(), 10).await.unwrap();
    assert_eq!(page.records.len(), 10);
    scene.rebuild().await;
    assert_eq!(views::prepare(scene.pool()).await.unwrap(), Prepared::Ready);
    scene.append(vec![created(5, true)]).await;
    assert_eq!(scene.check().await, [""; 0]);
}

#[tokio::test]
async fn dropped_views_are_rebuilt_before_the_next_append() {
    let scene = Scene::with(everything()).await;
    let live = scene.rows().await;
    scene.execute("drop schema view cascade").await;
    assert_eq!(views::prepare(scene.pool()).await.unwrap(), Prepared::NeedsRebuild { live: 0 });
    let refused = append(&scene.log, vec![created(5, true)]).await;
    assert!(matches!(refused, Err(log::Error::OtherFolds { live: 0, .. })), "{refused:?}");
    scene.rebuild().await;
    assert_eq!(scene.rows().await, live);
}
