//! A policy as it may be written: the same fields, so that what is shown can be changed and set again.

use serde_json::{Map, Value as Json, json};

use super::super::policy::{Action, Policy, Rule, Term};
use super::super::selector::{Rank, Selector, Tags};

/// All that it says, in the form in which it is read. What is not there is left out.
pub fn draw(policy: &Policy) -> Json {
    let limits = [
        ("packages", policy.limits.packages.map(Json::from)),
        ("bytes", policy.limits.bytes.map(Json::from)),
        ("approve", policy.limits.approve.then_some(Json::Bool(true))),
    ];
    let limits = object(limits);
    let schedule = policy.schedule.as_ref().map(|s| json!({ "cron": s.cron.as_str(), "apply": s.apply }));
    object([
        ("description", policy.description.clone().map(Json::from)),
        ("schedule", schedule),
        ("limits", limits.as_object().is_some_and(|fields| !fields.is_empty()).then_some(limits)),
        ("rules", Some(policy.rules.iter().map(rule).collect())),
    ])
}

fn object<const N: usize>(fields: [(&str, Option<Json>); N]) -> Json {
    let fields = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Json::Object(fields.collect::<Map<_, _>>())
}

fn rule(rule: &Rule) -> Json {
    let action = match rule.action {
        Action::Keep => json!("keep"),
        Action::Delete => json!("delete"),
        Action::Tier(tier) => json!({ "tier": tier.name() }),
        Action::Lock { mode, term: Term::For(period) } => {
            json!({ "lock": { "mode": mode.name(), "for": period.to_string() } })
        }
        Action::Lock { mode, term: Term::Until(ms) } => {
            json!({ "lock": { "mode": mode.name(), "until": time(ms) } })
        }
    };
    json!({ "name": rule.name.as_str(), "select": select(&rule.select), "action": action })
}

fn select(selector: &Selector) -> Json {
    fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Option<Json> {
        let texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        (!texts.is_empty()).then(|| json!(texts))
    }
    let fixed = &selector.fixed;
    let (tag, untagged) = match &selector.tags {
        Tags::Whatever => (None, None),
        Tags::Untagged => (None, Some(Json::Bool(true))),
        Tags::Like(globs) => (texts(globs), None),
    };
    let (newest, beyond_newest) = match selector.rank {
        None => (None, None),
        Some(Rank::Newest(count)) => (Some(count.into()), None),
        Some(Rank::BeyondNewest(count)) => (None, Some(count.into())),
    };
    object([
        ("repository", texts(&fixed.repositories)),
        ("artifact_type", texts(&fixed.artifact_types)),
        ("media_type", texts(&fixed.media_types)),
        ("annotations", (!fixed.annotations.is_empty()).then(|| json!(fixed.annotations))),
        ("has_annotation", texts(&fixed.has_annotations)),
        ("accepted_after", fixed.accepted_after_ms.map(|ms| time(ms).into())),
        ("accepted_before", fixed.accepted_before_ms.map(|ms| time(ms).into())),
        ("tag", tag),
        ("untagged", untagged),
        ("older_than", selector.older_than.map(|period| period.to_string().into())),
        ("not_read_for", selector.not_read_for.map(|period| period.to_string().into())),
        ("newest", newest),
        ("beyond_newest", beyond_newest),
        ("larger_than", selector.larger_than_bytes.map(Json::from)),
        ("smaller_than", selector.smaller_than_bytes.map(Json::from)),
    ])
}

/// In RFC 3339; a moment beyond the calendar, which nobody can write, as its last one.
fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.unwrap_or(jiff::Timestamp::MAX).to_string()
}
