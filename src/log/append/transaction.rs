//! The SQL of one batch, on a connection of its own.
//!
//! ```text
//! begin; lock head    one round trip
//! versions and ids    one, planned for arrays of any length; none where everything is new (see `look`)
//! guards              one for each kind that the batch has, often none
//! events, tiles, head one data-modifying statement
//! views               as many as the folds need
//! commit
//! ```
//! After any error but one the connection is thrown away, which rolls back: there is no half-used transaction to reason
//! about. The one is a constraint that found what was taken for granted, which says all about where things are.

use std::collections::HashMap;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{Connection, Row};
use uuid::Uuid;

use super::Error;
use super::look::Look;
use super::plan::{Loaded, Plan};
use crate::kernel::event::Event;
use crate::kernel::id::EventId;
use crate::log::Folds;
use crate::log::guard::Guard;
use crate::log::head::{self, Head};
use crate::log::member::Member;
use crate::log::tiles::Edge;

/// Settings of the writer's connection. The statements are driven by arrays whose lengths the planner cannot know;
/// plans made for the empty tables of a young log (sequential scans, hash joins, compiled expressions) would be kept
/// and cost more than all the rest.
const PLANNER: [(&str, &str); 10] = [
    ("search_path", "view, log"),
    ("jit", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("lock_timeout", "30s"),
    ("statement_timeout", "60s"),
    ("idle_in_transaction_session_timeout", "60s"),
];

/// Opens transactions, reconnecting when the last one broke.
pub(super) struct Transactions {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Transactions {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options: options.options(PLANNER).application_name("strongroom-writer"), connection: None }
    }

    /// Size of the log, outside of any transaction.
    pub(super) async fn head_size(&mut self) -> Result<u64, Error> {
        Ok(head::read(self.connection().await?).await?.size())
    }

    async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        if self.connection.is_none() {
            self.connection = Some(PgConnection::connect_with(&self.options).await?);
        }
        Ok(self.connection.as_mut().expect("connected above"))
    }

    /// Begins, and locks the head, in one round trip.
    pub(super) async fn begin(&mut self) -> Result<(Transaction, Head), Error> {
        self.connection().await?;
        let mut connection = self.connection.take().expect("connected above");
        let row: PgRow = sqlx::raw_sql(concat!("begin; ", include_str!("../sql/head_lock.sql")))
            .fetch_one(&mut connection)
            .await?;
        let frontier: Vec<u8> = row.try_get("frontier")?;
        let head = Head::from_columns(
            row.try_get("size")?,
            &frontier,
            row.try_get("last_at")?,
            row.try_get("fold_generation")?,
        )?;
        Ok((Transaction { connection }, head))
    }

    /// Ends a transaction that wrote, and keeps its connection for the next.
    pub(super) async fn commit(&mut self, transaction: Transaction) -> Result<(), Error> {
        self.end(transaction, "commit").await
    }

    /// Ends a transaction of which nothing is to stay.
    pub(super) async fn rollback(&mut self, transaction: Transaction) -> Result<(), Error> {
        self.end(transaction, "rollback").await
    }

    async fn end(&mut self, transaction: Transaction, how: &'static str) -> Result<(), Error> {
        let mut connection = transaction.connection;
        sqlx::raw_sql(how).execute(&mut connection).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Where these events stand, in a fresh look at the database.
    pub(super) async fn look_up(&mut self, ids: &[EventId]) -> Result<HashMap<EventId, u64>, Error> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let looked = sqlx::query_file!("src/log/sql/append_look_up.sql", &ids)
            .fetch_all(self.connection().await?)
            .await;
        let rows = looked.inspect_err(|_| self.connection = None)?;
        Ok(rows.into_iter().map(|row| (EventId(row.event_id), row.position.unsigned_abs())).collect())
    }
}

/// An open transaction with the head locked. Dropping it closes the connection, which rolls back.
pub(super) struct Transaction {
    connection: PgConnection,
}

impl Transaction {
    /// The unfinished tiles at this size, when the writer does not have them.
    pub(super) async fn edge(&mut self, size: u64) -> Result<Edge, Error> {
        Ok(Edge::load(&mut self.connection, size).await?)
    }

    /// Everything that the plan of this batch depends on.
    pub(super) async fn load(
        &mut self,
        members: &[Member],
        look: Look,
        folds: &dyn Folds,
    ) -> Result<Loaded, Error> {
        let mut loaded = self.versions_and_ids(members, look).await?;
        let (owners, guards): (Vec<usize>, Vec<&Guard>) = members
            .iter()
            .enumerate()
            .flat_map(|(index, member)| member.guards.iter().map(move |guard| (index, guard)))
            .unzip();
        if !guards.is_empty() {
            for (index, failure) in folds.failing_guards(&mut self.connection, &guards).await? {
                loaded.failed_guards.entry(owners[index]).or_insert(failure);
            }
        }
        Ok(loaded)
    }

    async fn versions_and_ids(&mut self, members: &[Member], look: Look) -> Result<Loaded, Error> {
        let mut loaded = Loaded::default();
        let streams = look.streams(members);
        let names: Vec<&str> = streams.iter().map(|stream| stream.as_str()).collect();
        let ids: Vec<Uuid> = look.ids(members).into_iter().map(|id| id.0).collect();
        if names.is_empty() && ids.is_empty() {
            return Ok(loaded);
        }
        let rows = sqlx::query_file!("src/log/sql/append_check.sql", &names as &[&str], &ids)
            .fetch_all(&mut self.connection)
            .await?;
        for row in rows {
            let value = row.value.unsigned_abs();
            match row.record {
                None => {
                    let index = usize::try_from(row.ordinal - 1).expect("ordinality counts from 1");
                    loaded.versions.insert(streams[index].clone(), value);
                }
                Some(record) => {
                    let event = Event::decode(&record)?;
                    loaded.known.insert(event.id, (value, event));
                }
            }
        }
        Ok(loaded)
    }

    /// Writes the rows of the plan and folds its events into the views.
    pub(super) async fn write(&mut self, plan: &Plan, folds: &dyn Folds) -> Result<(), Error> {
        let events = &plan.events;
        let positions: Vec<i64> = events.iter().map(|row| to_column(row.position)).collect();
        let streams: Vec<&str> = events.iter().map(|row| row.event.stream.as_str()).collect();
        let seqs: Vec<i64> = events.iter().map(|row| to_column(row.event.seq)).collect();
        let ids: Vec<Uuid> = events.iter().map(|row| row.event.id.0).collect();
        let types: Vec<&str> = events.iter().map(|row| row.event.fact.type_name()).collect();
        let repositories: Vec<Option<&str>> =
            events.iter().map(|row| row.event.fact.repository().map(|name| name.as_str())).collect();
        let records: Vec<&[u8]> = events.iter().map(|row| row.record.as_slice()).collect();
        let leaves: Vec<&[u8]> = plan.leaves.iter().map(<[u8; 32]>::as_slice).collect();
        let tile_levels: Vec<i16> =
            plan.tiles.iter().map(|tile| i16::try_from(tile.level).expect("at most 8 levels")).collect();
        let tile_indexes: Vec<i64> = plan.tiles.iter().map(|tile| to_column(tile.index)).collect();
        let tile_hashes: Vec<Vec<u8>> = plan.tiles.iter().map(|tile| tile.hashes.concat()).collect();
        let tile_roots: Vec<&[u8]> = plan.tiles.iter().map(|tile| tile.root.as_slice()).collect();
        sqlx::query_file!(
            "src/log/sql/append_insert.sql",
            &positions,
            &streams as &[&str],
            &seqs,
            &ids,
            &types as &[&str],
            &repositories as &[Option<&str>],
            to_column(plan.at_ms),
            &records as &[&[u8]],
            &leaves as &[&[u8]],
            &tile_levels,
            &tile_indexes,
            &tile_hashes,
            &tile_roots as &[&[u8]],
            to_column(plan.frontier.size()),
            plan.frontier.to_bytes()
        )
        .execute(&mut self.connection)
        .await?;
        Ok(folds.apply(&mut self.connection, events).await?)
    }
}

fn to_column(n: u64) -> i64 {
    i64::try_from(n).expect("positions, versions and times fit 63 bits")
}
