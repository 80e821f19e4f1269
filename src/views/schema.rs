//! The tables of all views, and the schemas that they live in.
//!
//! ```text
//! view           live: written by appends, read by everyone
//! view_rebuild   a rebuild under way, or what a killed one left
//! view_check     a check under way, or what a killed one left
//! view_retired   what the last rebuild replaced, until it is dropped
//! ```
//! The DDL is not a migration: views are derived, and their tables change with the folds that write them.

use sqlx::PgConnection;

/// Made in this order, in whatever schema `search_path` names.
const DDL: [&str; 20] = [
    include_str!("repositories/schema.sql"),
    include_str!("blobs/schema.sql"),
    include_str!("manifests/schema.sql"),
    include_str!("tags/schema.sql"),
    include_str!("pins/schema.sql"),
    include_str!("tokens/schema.sql"),
    include_str!("keys/schema.sql"),
    include_str!("reads/schema.sql"),
    include_str!("discarded_objects/schema.sql"),
    include_str!("damaged_blobs/schema.sql"),
    include_str!("scrubs/schema.sql"),
    include_str!("policies/schema.sql"),
    include_str!("references/schema.sql"),
    include_str!("deleting_blobs/schema.sql"),
    include_str!("holds/schema.sql"),
    include_str!("retention/schema.sql"),
    include_str!("plans/schema.sql"),
    include_str!("erasures/schema.sql"),
    include_str!("tiers/schema.sql"),
    include_str!("retrievals/schema.sql"),
];

/// A schema that holds all views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    Live,
    Rebuild,
    Check,
}

impl Schema {
    fn name(self) -> &'static str {
        match self {
            Self::Live => "view",
            Self::Rebuild => "view_rebuild",
            Self::Check => "view_check",
        }
    }

    /// Makes it anew, with empty tables, and leaves `search_path` on it until the transaction ends.
    pub(super) async fn create(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let create = match self {
            Self::Live => "drop schema if exists view cascade; create schema view",
            Self::Rebuild => "drop schema if exists view_rebuild cascade; create schema view_rebuild",
            Self::Check => "drop schema if exists view_check cascade; create schema view_check",
        };
        sqlx::raw_sql(create).execute(&mut *connection).await?;
        self.choose(connection).await?;
        for tables in DDL {
            sqlx::raw_sql(tables).execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Makes unqualified names mean this schema until the transaction ends.
    pub(super) async fn choose(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query_file_scalar!("src/views/sql/schema_choose.sql", self.name())
            .fetch_one(connection)
            .await?;
        Ok(())
    }
}

/// Whether there are live views, of whatever folds.
pub(super) async fn live_exists(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("src/views/sql/schema_live_exists.sql").fetch_one(connection).await
}
