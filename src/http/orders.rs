//! `/v1/orders`, `/v1/reports` and `/v1/objects`: orders of the control plane, for data nodes elsewhere.

use std::time::Duration;

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::problem::{Code, Problem};
use crate::control::objects::Judgement;
use crate::control::{Context, orders};
use crate::kernel::limits::{OBJECTS_GIVEN_UP_MAX, ORDER_POLL_SECONDS, PAGE_MAX_ITEMS};
use crate::wire::order as wire;

const PATIENCE: Duration = Duration::from_secs(ORDER_POLL_SECONDS);

/// Somebody on the machine of the control plane has an order obeyed.
pub(super) async fn relay(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::RelayOrder>,
) -> Result<Json<wire::RelayedOrder>, Problem> {
    let (order, board) = (request.order.reveal(), app.node().board());
    let report = tokio::select! {
        () = stopped(&app) => None,
        asked = orders::relay(app.control(), &context, board, order, PATIENCE) => asked?,
    };
    Ok(Json(wire::RelayedOrder { report: report.map(Into::into) }))
}

/// A data node asks what it is to do.
pub(super) async fn take(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::TakeOrders>,
) -> Result<Json<wire::TakenOrders>, Problem> {
    let wire::TakeOrders { node, stores, in_hand } = request;
    let taken = tokio::select! {
        () = stopped(&app) => Vec::new(),
        taken = orders::take(&context, app.node().board(), &node, &stores, &in_hand, PATIENCE) => taken?,
    };
    Ok(Json(wire::TakenOrders { orders: taken.into_iter().map(Into::into).collect() }))
}

/// A data node hands over what it signed.
pub(super) async fn report(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::DeliverReport>,
) -> Result<Json<wire::TakenReport>, Problem> {
    let report = request.report.reveal();
    let awaited = orders::report(app.control(), &context, app.node().board(), report).await?;
    Ok(Json(wire::TakenReport { awaited }))
}

/// A data node asks what the log says of what lies in its store.
pub(super) async fn judge(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::NameObjects>,
) -> Result<Json<wire::JudgedObjects>, Problem> {
    at_most(&request, PAGE_MAX_ITEMS as usize)?;
    let judged = app.node().judge(&context, &request.node, &request.store, &request.objects).await?;
    Ok(Json(wire::JudgedObjects { objects: judged.into_iter().map(|one| draw(one, None)).collect() }))
}

/// A data node has objects given up that nobody claims, so that it may delete them.
pub(super) async fn give_up(
    State(app): State<App>,
    context: Context,
    Json(request): Json<wire::NameObjects>,
) -> Result<Json<wire::JudgedObjects>, Problem> {
    at_most(&request, OBJECTS_GIVEN_UP_MAX)?;
    let given_up = app.node().give_up(&context, &request.node, &request.store, &request.objects).await?;
    let objects = given_up.into_iter().map(|(judgement, order)| draw(judgement, order)).collect();
    Ok(Json(wire::JudgedObjects { objects }))
}

fn at_most(request: &wire::NameObjects, most: usize) -> Result<(), Problem> {
    if request.objects.len() <= most {
        return Ok(());
    }
    Err(Problem::new(Code::InvalidArgument, format!("`objects` may name {most}.")))
}

fn draw(judgement: Judgement, order: Option<String>) -> wire::JudgedObject {
    let position = match judgement {
        Judgement::Discarded(position) => Some(position),
        _ => None,
    };
    wire::JudgedObject { judgement: judgement.name().to_owned(), position, order: order.map(Into::into) }
}

async fn stopped(app: &App) {
    app.stopping().cancelled().await;
}
