//! `/v1/repositories/{repository}/-/manifests/{reference}/deletion` and `/why`.

use axum::extract::State;

use super::app::App;
use super::json::Json;
use super::path::Path;
use super::problem::Problem;
use super::tiers;
use crate::access::Caller;
use crate::control::Context;
use crate::control::deletions::{self, InTheWay};
use crate::control::why::{self, Fate, Keeper};
use crate::kernel::id::{Reference, RepositoryName};
use crate::kernel::statement::Statement;
use crate::kernel::tier::Tier;
use crate::views::tiers::Spread;
use crate::wire::deletion as wire;
use crate::wire::time::Timestamp;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

pub(super) async fn delete(
    State(app): State<App>,
    context: Context,
    Path((repository, reference)): Path<(RepositoryName, Reference)>,
    Json(request): Json<wire::DeletePackage>,
) -> Result<Json<wire::DeletedPackage>, Problem> {
    let statement = Statement::because(request.reason)?;
    let deleted = deletions::delete(app.control(), &context, &repository, &reference, &statement).await?;
    Ok(Json(wire::DeletedPackage {
        digest: deleted.manifest,
        tags: deleted.tags,
        position: deleted.position,
    }))
}

pub(super) async fn why(
    State(app): State<App>,
    caller: Caller,
    Path((repository, reference)): Path<(RepositoryName, Reference)>,
) -> Result<Json<wire::WhyKept>, Problem> {
    let why = why::why(app.control(), &caller, &repository, &reference).await?;
    let (outcome, rule) = match why.outcome {
        Fate::Kept => ("kept", None),
        Fate::KeptByDefault => ("kept-by-default", None),
        Fate::Deleted(rule) => ("deleted", Some(rule)),
    };
    Ok(Json(wire::WhyKept {
        repository,
        digest: why.manifest,
        log_size: why.position,
        accepted_at: Timestamp::from_ms(why.accepted_at_ms),
        accepted_by: why.accepted_by,
        clock_start: Timestamp::from_ms(why.clock_start_ms),
        last_read: why.last_read_day.map(|day| Timestamp::from_ms(day.saturating_mul(DAY_MS))),
        tags: why.tags,
        kept_by: why.keeps.into_iter().map(keeper).collect(),
        outcome: outcome.to_owned(),
        rule,
        tier: why.tiered.map(|tiered| tiered.tier).unwrap_or_default().to_string(),
        tiered_at: why.tiered.map(|tiered| Timestamp::from_ms(tiered.at_ms)),
        tiered_position: why.tiered.map(|tiered| tiered.position),
        lies: why.lies.into_iter().map(lies).collect(),
        retrieval: why.retrieval.map(tiers::draw),
    }))
}

fn lies((spread, tier): (Spread, Option<Tier>)) -> wire::LiesIn {
    wire::LiesIn {
        store: spread.store,
        tier: tier.map(|tier| tier.to_string()),
        blobs: spread.blobs,
        bytes: spread.bytes,
    }
}

fn keeper(keeper: Keeper) -> wire::KeptBy {
    wire::KeptBy {
        since: keeper.since_ms.map(Timestamp::from_ms),
        actor: keeper.by,
        position: keeper.position,
        reason: keeper.statement.as_ref().and_then(Statement::reason).map(str::to_owned),
        ..in_the_way(keeper.what)
    }
}

/// What is in the way, as a refusal names it.
pub(super) fn in_the_way(what: InTheWay) -> wire::KeptBy {
    wire::KeptBy {
        kind: what.kind.to_owned(),
        name: what.name,
        until: what.until_ms.map(Timestamp::from_ms),
        text: what.text,
        since: None,
        actor: None,
        position: None,
        reason: None,
    }
}
