//! The database itself refuses to change the log, also for its owner.

use crate::fixture::Fixture;

#[tokio::test]
async fn update_delete_and_truncate_raise_for_the_owner_in_every_replication_role() {
    let fixture = Fixture::new().await;
    fixture.append("v1").await;
    let mut owner = fixture.database.connect().await;
    for role in ["origin", "replica"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("set session_replication_role = {role}")))
            .execute(&mut owner)
            .await
            .unwrap();
        for table in ["events", "tiles", "checkpoints"] {
            for statement in [
                format!("delete from log.{table}"),
                format!("truncate log.{table}"),
                format!("truncate log.{table} cascade"),
            ] {
                refused(&mut owner, &statement).await;
            }
        }
        refused(&mut owner, "update log.events set record = record").await;
        refused(&mut owner, "update log.tiles set root = root").await;
        refused(&mut owner, "update log.checkpoints set note = note").await;
        refused(&mut owner, "update log.documents set bytes = bytes").await;
        refused(&mut owner, "truncate log.documents").await;
    }
    fixture.append("v2").await;
}

async fn refused(owner: &mut sqlx::PgConnection, statement: &str) {
    let result = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(owner).await;
    let error = result.expect_err(statement).into_database_error().expect("the database refused");
    assert_eq!(error.code().as_deref(), Some("23001"), "{statement}: {error}");
    assert!(error.message().contains("append-only"), "{statement}: {error}");
}
