//! The fields of a policy as it is written, and what they mean.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::super::glob::{RepositoryGlob, TagGlob};
use super::super::period::{Moment, Period, Size};
use super::super::policy::{Action, Cron, LockMode, Rule, Term, Tier};
use super::super::selector::{FixedSelector, Rank, Selector, Tags};
use super::Draft;
use super::parse::{Checked, Many, Optional, OrNone, Parsed};
use crate::kernel::id::RuleName;
use crate::kernel::limits::POLICY_DESCRIPTION_MAX_BYTES;
use crate::kernel::manifest::MediaType;

/// All of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyDraft {
    description: Option<Description>,
    schedule: Option<OrNone<ScheduleDraft>>,
    #[serde(default)]
    limits: LimitsRead,
    #[serde(deserialize_with = "rules")]
    rules: Vec<Rule>,
}

/// Empty where there is to be none.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Description(String);

impl TryFrom<String> for Description {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > POLICY_DESCRIPTION_MAX_BYTES {
            return Err(format!("a description has at most {POLICY_DESCRIPTION_MAX_BYTES} bytes"));
        }
        Ok(Self(text))
    }
}

impl TryFrom<PolicyDraft> for Draft {
    type Error = String;

    fn try_from(read: PolicyDraft) -> Result<Self, String> {
        let limits = LimitsDraft {
            packages: read.limits.packages.map(|limit| limit.0.map(|Count(count)| count)),
            bytes: read.limits.bytes.map(|limit| limit.0.map(|Bytes(bytes)| bytes)),
            approve: read.limits.approve,
        };
        let draft = Self {
            description: read.description.map(|Description(text)| (!text.is_empty()).then_some(text)),
            schedule: read.schedule.map(|OrNone(schedule)| schedule),
            limits,
            rules: read.rules,
        };
        draft.clone().merge(None).check().map_err(|error| error.to_string())?;
        Ok(draft)
    }
}

/// A schedule; whether it applies may be left as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScheduleDraft {
    pub(super) cron: Cron,
    pub(super) apply: Option<bool>,
}

impl Optional for ScheduleDraft {
    const WHAT: &'static str = "a table with `cron` and perhaps `apply`";

    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Option<Result<Self, A::Error>> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Read {
            cron: Parsed<Cron>,
            apply: Option<bool>,
        }
        let read = Read::deserialize(MapAccessDeserializer::new(map));
        Some(read.map(|read| Self { cron: read.cron.0, apply: read.apply }))
    }
}

/// Limits: what is named, and whether there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LimitsDraft {
    pub(super) packages: Option<Option<u64>>,
    pub(super) bytes: Option<Option<u64>>,
    pub(super) approve: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsRead {
    packages: Option<OrNone<Count>>,
    bytes: Option<OrNone<Bytes>>,
    approve: Option<bool>,
}

#[derive(Debug)]
struct Count(u64);

impl Optional for Count {
    const WHAT: &'static str = "a number of packages";

    fn of_number(number: u64) -> Option<Result<Self, String>> {
        Some(Ok(Self(number)))
    }
}

#[derive(Debug)]
struct Bytes(u64);

impl Optional for Bytes {
    const WHAT: &'static str = "a size, such as 512 or \"10 GiB\"";

    fn of_number(number: u64) -> Option<Result<Self, String>> {
        Some(Ok(Self(number)))
    }

    fn of_text(text: &str) -> Option<Result<Self, String>> {
        Some(text.parse().map(|Size(bytes)| Self(bytes)).map_err(|error| error.to_string()))
    }
}

/// The rules in order; the second of a name is refused where it stands.
fn rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Rule>, D::Error> {
    struct Rules;

    impl<'de> Visitor<'de> for Rules {
        type Value = Vec<Rule>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("rules, each a table under [[rules]]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Rule>, A::Error> {
            let mut rules = Vec::new();
            while let Some(rule) = list.next_element_seed(Next(&rules))? {
                rules.push(rule);
            }
            Ok(rules)
        }
    }

    /// The rule behind these.
    struct Next<'r>(&'r [Rule]);

    impl<'de> DeserializeSeed<'de> for Next<'_> {
        type Value = Rule;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Rule, D::Error> {
            deserializer.deserialize_map(self)
        }
    }

    impl<'de> Visitor<'de> for Next<'_> {
        type Value = Rule;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a rule: a table with `name`, `select` and `action`")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rule, A::Error> {
            let read = RuleDraft::deserialize(MapAccessDeserializer::new(map))?;
            let rule = Rule {
                name: read.name.0,
                select: read.select.value,
                action: match read.action {
                    ActionDraft::Keep => Action::Keep,
                    ActionDraft::Delete => Action::Delete,
                    ActionDraft::Tier(Parsed(tier)) => Action::Tier(tier),
                    ActionDraft::Lock(Checked { value: Lock { mode, term }, .. }) => {
                        Action::Lock { mode, term }
                    }
                },
            };
            if self.0.iter().any(|earlier| earlier.name == rule.name) {
                return Err(A::Error::custom(format_args!("two rules are called `{}`", rule.name)));
            }
            rule.check().map_err(A::Error::custom)?;
            Ok(rule)
        }
    }

    deserializer.deserialize_seq(Rules)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleDraft {
    name: Parsed<RuleName>,
    select: Checked<SelectDraft, Selector>,
    action: ActionDraft,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ActionDraft {
    Keep,
    Delete,
    Tier(Parsed<Tier>),
    Lock(Checked<LockDraft, Lock>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockDraft {
    mode: Parsed<LockMode>,
    r#for: Option<Parsed<Period>>,
    until: Option<Parsed<Moment>>,
}

#[derive(Debug)]
struct Lock {
    mode: LockMode,
    term: Term,
}

impl TryFrom<LockDraft> for Lock {
    type Error = String;

    fn try_from(read: LockDraft) -> Result<Self, String> {
        let term = match (read.r#for, read.until) {
            (Some(Parsed(period)), None) => Term::For(period),
            (None, Some(Parsed(Moment(ms)))) => Term::Until(ms),
            (None, None) => return Err("say how long: `for` a period, or `until` a time".into()),
            (Some(_), Some(_)) => return Err("say `for` or `until`, not both".into()),
        };
        Ok(Self { mode: read.mode.0, term })
    }
}

/// Conditions on what never changes, alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FixedDraft {
    #[serde(default)]
    repository: Many<RepositoryGlob>,
    #[serde(default)]
    artifact_type: Many<MediaType>,
    #[serde(default)]
    media_type: Many<MediaType>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    has_annotation: Many<String>,
    accepted_after: Option<Parsed<Moment>>,
    accepted_before: Option<Parsed<Moment>>,
}

impl FixedDraft {
    fn into_selector(self) -> FixedSelector {
        FixedSelector {
            repositories: self.repository.0.into_iter().collect(),
            artifact_types: self.artifact_type.0.into_iter().collect(),
            media_types: self.media_type.0.into_iter().collect(),
            annotations: self.annotations,
            has_annotations: self.has_annotation.0.into_iter().collect(),
            accepted_after_ms: self.accepted_after.map(|Parsed(Moment(ms))| ms),
            accepted_before_ms: self.accepted_before.map(|Parsed(Moment(ms))| ms),
        }
    }
}

impl TryFrom<FixedDraft> for FixedSelector {
    type Error = String;

    fn try_from(read: FixedDraft) -> Result<Self, String> {
        let selector = read.into_selector();
        selector.check().map_err(|error| error.to_string())?;
        if selector.is_empty() {
            return Err("name a condition at least; `repository = \"*\"` is everything".into());
        }
        Ok(selector)
    }
}

/// All conditions. Those of [`FixedDraft`] are named again: a flattened struct cannot refuse unknown fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SelectDraft {
    #[serde(default)]
    repository: Many<RepositoryGlob>,
    #[serde(default)]
    artifact_type: Many<MediaType>,
    #[serde(default)]
    media_type: Many<MediaType>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    has_annotation: Many<String>,
    accepted_after: Option<Parsed<Moment>>,
    accepted_before: Option<Parsed<Moment>>,
    #[serde(default)]
    tag: Many<TagGlob>,
    untagged: Option<bool>,
    older_than: Option<Parsed<Period>>,
    not_read_for: Option<Parsed<Period>>,
    newest: Option<u64>,
    beyond_newest: Option<u64>,
    larger_than: Option<OrNone<Bytes>>,
    smaller_than: Option<OrNone<Bytes>>,
}

impl TryFrom<SelectDraft> for Selector {
    type Error = String;

    fn try_from(read: SelectDraft) -> Result<Self, String> {
        let fixed = FixedDraft {
            repository: read.repository,
            artifact_type: read.artifact_type,
            media_type: read.media_type,
            annotations: read.annotations,
            has_annotation: read.has_annotation,
            accepted_after: read.accepted_after,
            accepted_before: read.accepted_before,
        };
        let tags = match (read.untagged, read.tag.0.is_empty()) {
            (None, true) => Tags::Whatever,
            (None, false) => Tags::Like(read.tag.0.into_iter().collect()),
            (Some(true), true) => Tags::Untagged,
            (Some(true), false) => return Err("say `tag` or `untagged`, not both".into()),
            (Some(false), _) => {
                return Err("`untagged` is true or not there; `tag = \"*\"` is what has a tag".into());
            }
        };
        let rank = match (read.newest, read.beyond_newest) {
            (None, None) => None,
            (Some(count), None) => Some(Rank::Newest(count)),
            (None, Some(count)) => Some(Rank::BeyondNewest(count)),
            (Some(_), Some(_)) => return Err("say `newest` or `beyond_newest`, not both".into()),
        };
        let bytes = |size: Option<OrNone<Bytes>>| match size {
            Some(OrNone(None)) => Err("a condition that is not there is left out, not \"none\"".to_owned()),
            Some(OrNone(Some(Bytes(bytes)))) => Ok(Some(bytes)),
            None => Ok(None),
        };
        let selector = Self {
            fixed: fixed.into_selector(),
            tags,
            older_than: read.older_than.map(|Parsed(period)| period),
            not_read_for: read.not_read_for.map(|Parsed(period)| period),
            rank,
            larger_than_bytes: bytes(read.larger_than)?,
            smaller_than_bytes: bytes(read.smaller_than)?,
        };
        selector.check().map_err(|error| error.to_string())?;
        Ok(selector)
    }
}
