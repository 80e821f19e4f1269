//! Reading: what is missing is told, never skipped.

use strongroom::log::{Member, read};

use crate::fixture::{Fixture, tag_set};

async fn fixture_with(events: usize) -> Fixture {
    let fixture = Fixture::new().await;
    let events = (0..events).map(|n| tag_set(&format!("t{n}"), "x")).collect();
    fixture.log.append(Member { events, ..Member::default() }).await.unwrap();
    fixture
}

#[tokio::test]
async fn a_gap_is_reported_and_never_skipped() {
    for missing in [0, 2, 4] {
        let fixture = fixture_with(5).await;
        let damage = format!(
            "alter table log.events disable trigger all; delete from log.events where position = {missing}"
        );
        let mut owner = fixture.database.connect().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(damage)).execute(&mut owner).await.unwrap();
        let pool = fixture.database.database.pool();
        let error = read::page(pool, &read::Query::from(0), 100).await.unwrap_err();
        assert!(matches!(error, read::Error::Gap { expected } if expected == missing), "{error}");
        // However the log is cut into pages, what is before the gap is read and the gap is met.
        let mut from = 0;
        let error = loop {
            match read::page(pool, &read::Query::from(from), 2).await {
                Ok(page) => from = page.next,
                Err(error) => break error,
            }
        };
        assert!(from <= missing);
        assert!(matches!(error, read::Error::Gap { expected } if expected == missing), "{error}");
    }
}
