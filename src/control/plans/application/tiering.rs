//! Giving packages the tier that a plan says, where what is so now says so too.

use std::sync::Arc;

use super::{Applying, Error, Step, by_repository, current, of_rule};
use crate::control::append::{Change, Ids, Retries};
use crate::control::{Context, Control};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Fact, ManifestTiered};
use crate::kernel::id::RepositoryName;
use crate::kernel::tier::Tier;
use crate::log::{self, Guard, GuardFailure};
use crate::retention::plan::{Item, What};
use crate::views::tiers;

/// An item, and the tier that it is about.
type Due<'i> = (&'i Item, Tier);

/// Records the tiers of some items. What lies there already needs no event.
pub(super) async fn record(
    control: &Control,
    context: &Context,
    applying: &mut Applying,
    chunk: &[Item],
    step: &mut Step,
) -> Result<(), Error> {
    let of_tier = |item| match item {
        item @ &Item { what: What::Tier(tier), .. } => Some((item, tier)),
        _ => None,
    };
    let mut left: Vec<Due<'_>> = chunk.iter().filter_map(of_tier).collect();
    let mut retries = Retries::default();
    while !left.is_empty() {
        left = still_moved(applying, left, step);
        left = elsewhere(control, left).await?;
        if left.is_empty() {
            break;
        }
        match control.append(&context.caller.actor, context.cause, change(applying, &left)).await {
            Ok(_) => {
                step.tiered += left.len() as u64;
                step.tiered_bytes += left.iter().map(|(item, _)| item.size_bytes).sum::<u64>();
                break;
            }
            Err(log::Error::Guard(GuardFailure::ManifestsMissing { repository, missing })) => {
                let before = left.len();
                left.retain(|(item, _)| item.repository != repository || !missing.contains(&item.digest));
                step.gone += (before - left.len()) as u64;
            }
            Err(log::Error::Guard(GuardFailure::RetentionChanged)) => {
                retries.again().await?;
                applying.now = Arc::new(current(control, &applying.plan).await?);
                *control.0.applying.lock().await = Some(applying.clone());
            }
            Err(error) => retries.after(error).await?,
        }
    }
    Ok(())
}

/// Those that what is so now moves there too. The others are skipped.
fn still_moved<'i>(applying: &Applying, items: Vec<Due<'i>>, step: &mut Step) -> Vec<Due<'i>> {
    let mut left = Vec::with_capacity(items.len());
    for (item, tier) in items {
        match applying.now.of(&item.repository, item.digest) {
            None => step.gone += 1,
            Some(now) if now.place.is_some() => {
                step.skip(item, vec!["a rule deletes it by now".to_owned()]);
            }
            Some(now) if now.tier.is_some_and(|(_, now)| now == tier) => left.push((item, tier)),
            Some(_) => step.skip(item, vec![format!("no rule moves it to tier {tier} any more")]),
        }
    }
    left
}

/// Those that do not lie there already.
async fn elsewhere<'i>(control: &Control, items: Vec<Due<'i>>) -> Result<Vec<Due<'i>>, Error> {
    let packages: Vec<(&RepositoryName, Blake3)> =
        items.iter().map(|(item, _)| (&item.repository, item.digest)).collect();
    let found = tiers::among(control.pool(), &packages).await?;
    let now = |item: &Item| found.get(&(item.repository.clone(), item.digest)).copied().unwrap_or_default();
    Ok(items.into_iter().filter(|(item, tier)| now(item) != *tier).collect())
}

fn change(applying: &Applying, items: &[Due<'_>]) -> Change {
    let fact = |(item, tier): &Due<'_>| {
        let (policy, version) = of_rule(&applying.plan, item);
        Fact::from(ManifestTiered {
            repository: item.repository.clone(),
            blake3: item.digest,
            tier: *tier,
            plan: applying.digest,
            policy,
            version,
            rule: item.rule.rule.clone(),
        })
    };
    let mut guards = by_repository(items.iter().map(|(item, _)| (&item.repository, item.digest)));
    guards.push(Guard::PoliciesUnchanged { since: applying.now.policies_changed });
    Change { events: Ids::Fresh.assign(items.iter().map(fact).collect()), guards, ..Change::default() }
}
