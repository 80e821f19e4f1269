//! `/v1/status`: what is running, how far the log is, what is bounded. `/data/status`: what of it needs no database.

use axum::extract::State;

use super::app::App;
use super::bounded::bounded;
use super::json::Json;
use super::problem::{Code, Problem};
use crate::config::StoreSettings;
use crate::data::DataPlane;
use crate::log::checkpoint;
use crate::wire::status as wire;

pub(super) async fn status(State(app): State<App>) -> Result<Json<wire::Status>, Problem> {
    let head = app.head().await?;
    let node = app.node();
    let note = checkpoint::latest(node.pool()).await;
    let note = note.map_err(|error| Problem::failure(Code::Unavailable, error))?;
    // A signed note's second line is the size of the log (C2SP tlog-checkpoint).
    let signed = note.and_then(|note| note.lines().nth(1)?.parse().ok());
    let log = wire::LogStatus { size: head.size(), root: hex::encode(head.root()), checkpoint: signed };
    let postgres = wire::PostgresStatus {
        version: node.postgres_version().to_owned(),
        embedded: node.postgres_is_embedded(),
    };
    let lacks = app.lacks().await;
    let told = node.webhooks().await.map_err(|error| Problem::failure(Code::Unavailable, error))?;
    let webhooks = told.into_iter().map(|told| wire::WebhookStatus {
        behind: log.size.saturating_sub(told.next),
        name: told.name,
        failures: told.failures,
        last_failure: told.last_failure,
    });
    let webhooks = webhooks.collect();
    let status = without_log(&app, lacks).await;
    Ok(Json(wire::Status { log: Some(log), postgres: Some(postgres), webhooks, ..status }))
}

/// What a node of the data plane can say to whoever asks: it knows no tokens.
pub(super) async fn data(State(app): State<App>) -> Json<wire::Status> {
    // What the control plane lacks is told to those who show a token.
    let lacks = if app.plane().is_some() { Vec::new() } else { app.lacks().await };
    Json(without_log(&app, lacks).await)
}

async fn without_log(app: &App, mut lacks: Vec<String>) -> wire::Status {
    let settings = app.settings();
    let data = app.data_plane();
    let in_use = data.map(DataPlane::in_use);
    let free = match data {
        Some(data) => data.free_bytes().await,
        None => Ok(None),
    };
    let free = free.unwrap_or_else(|error| {
        lacks.push(format!("the store does not say how much room there is: {error}"));
        None
    });
    // A control node names a store in its grants and has none.
    let opened = if data.is_some() { &settings.stores[..] } else { &[][..] };
    let status = |(n, store): (usize, &StoreSettings)| wire::StoreStatus {
        name: store.name.clone(),
        kind: store.place.kind().to_owned(),
        tier: store.tier.name().to_owned(),
        // Of the one that takes deposits: no bytes go to the others.
        free_bytes: free.filter(|_| n == 0),
        kept_free_bytes: if n == 0 { app.limits().free_space_bytes() } else { 0 },
    };
    let stores: Vec<_> = opened.iter().enumerate().map(status).collect();
    wire::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: settings.node.clone(),
        plane: app.plane_name().to_owned(),
        log: None,
        store: stores.first().cloned(),
        stores,
        postgres: None,
        lacks,
        uptime_seconds: app.uptime_seconds(),
        undelivered_receipts: in_use.map(|in_use| in_use.undelivered as u64),
        limits: bounded(app, in_use),
        webhooks: Vec::new(),
    }
}
