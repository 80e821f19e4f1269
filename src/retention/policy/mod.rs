//! Policies: rules in order, what a run of them may do at most, and when it runs by itself.
//!
//! ```text
//! policy = { "v": 1, ? "description": text, ? "schedule": { "cron": text, "apply": bool },
//!            ? "limits": { ? "packages": uint, ? "bytes": uint, ? "approve": true },
//!            "rules": [+ { "name": text, "select": selector, "action": action }] }
//! action = { "do": "keep" } / { "do": "delete" } / { "do": "tier", "tier": "hot" / "warm" / "cold" }
//!        / { "do": "lock", "mode": "governance" / "compliance", ("for": period // "until": uint (ms)) }
//! ```
//! - The order of rules names who decides where several select a package; it lets no delete rule win over a keep rule.
//! - A rule that deletes has a condition. One that deletes the newest is taken for a mistake.
//! - What is not there is absent, never empty: the same policy has one document.
//!
//! Refused: an unknown field, a rule name twice, a schedule that never comes.

mod schedule;

pub use crate::kernel::event::LockMode;
pub use crate::kernel::tier::Tier;
pub use schedule::{Cron, NotCron, Schedule};

use std::collections::BTreeSet;

use super::codec::{flag, map, version, wrong};
use super::period::{Period, end_of_day_ms};
use super::selector::{Rank, Selector};
use crate::kernel::cbor::{self, Bounds, Error, Fields, Value};
use crate::kernel::id::RuleName;
use crate::kernel::limits::{POLICY_DESCRIPTION_MAX_BYTES, POLICY_MAX_BYTES, POLICY_RULES_MAX};

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What it is for.
    pub description: Option<String>,
    /// When it runs by itself.
    pub schedule: Option<Schedule>,
    /// What a run of it may do.
    pub limits: Limits,
    /// In order.
    pub rules: Vec<Rule>,
}

/// What one application of a plan may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Packages that it deletes.
    pub packages: Option<u64>,
    /// Bytes of those packages together.
    pub bytes: Option<u64>,
    /// Whether another person has to approve.
    pub approve: bool,
}

/// What is done with which packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the policy.
    pub name: RuleName,
    /// Which.
    pub select: Selector,
    /// What.
    pub action: Action,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nobody deletes them for a time, which is recorded and only moves later.
    Lock {
        /// Who may go past it.
        mode: LockMode,
        /// For how long.
        term: Term,
    },
    /// No rule deletes them while this one stands.
    Keep,
    /// Their bytes lie in that tier.
    Tier(Tier),
    /// They are deleted, if nothing is in the way.
    Delete,
}

/// How long a lock lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// From the start of the package's clock, to the end of the day in which that is over.
    For(Period),
    /// To a point in time, in milliseconds since the epoch.
    Until(u64),
}

impl Term {
    /// When a lock on a package whose clock started then ends: for a period, with the day of UTC in which the period is over. So
    /// who computes it again from a moment of the same hour finds the same.
    pub fn until_ms(self, clock_start_ms: u64) -> u64 {
        match self {
            Self::For(period) => end_of_day_ms(period.after_ms(clock_start_ms)),
            Self::Until(ms) => ms,
        }
    }
}

impl Policy {
    /// The media type of its document.
    pub const MEDIA_TYPE: &'static str = "application/vnd.strongroom.policy.v1+cbor";

    /// The document.
    pub fn encode(&self) -> Vec<u8> {
        let rule = |rule: &Rule| {
            let name = Some(Value::text(&rule.name));
            Value::Map(map([
                ("name", name),
                ("select", Some(rule.select.write())),
                ("action", Some(rule.action.write())),
            ]))
        };
        cbor::encode(&Value::Map(map([
            ("v", Some(Value::Unsigned(1))),
            ("description", self.description.as_ref().map(Value::text)),
            ("schedule", self.schedule.as_ref().map(Schedule::write)),
            ("limits", (self.limits != Limits::default()).then(|| self.limits.write())),
            ("rules", Some(Value::Array(self.rules.iter().map(rule).collect()))),
        ])))
    }

    /// Reads the document back.
    ///
    /// # Errors
    /// If it is not what [`Self::encode`] would write, or not what a policy may be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(cbor::decode(bytes, Bounds::bytes(POLICY_MAX_BYTES))?)?;
        version(&mut fields)?;
        let policy = Self {
            description: fields.parse_optional("description")?,
            schedule: fields.take("schedule").map(Schedule::read).transpose()?,
            limits: fields.take("limits").map(Limits::read).transpose()?.unwrap_or_default(),
            rules: fields.array("rules")?.into_iter().map(Rule::read).collect::<Result<_, _>>()?,
        };
        fields.finish()?;
        policy.check()?;
        Ok(policy)
    }

    /// What its parts cannot say of themselves.
    ///
    /// # Errors
    /// With what it may not be.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(text) = &self.description
            && !(1..=POLICY_DESCRIPTION_MAX_BYTES).contains(&text.len())
        {
            let expected =
                format_args!("absent, or of 1 to {POLICY_DESCRIPTION_MAX_BYTES} bytes").to_string();
            return Err(wrong("description", expected));
        }
        if !(1..=POLICY_RULES_MAX).contains(&self.rules.len()) {
            return Err(wrong("rules", format_args!("1 to {POLICY_RULES_MAX} rules")));
        }
        let mut names = BTreeSet::new();
        match self.rules.iter().find(|rule| !names.insert(&rule.name)) {
            Some(twice) => {
                Err(wrong("name", format_args!("of one rule only; two are called `{}`", twice.name)))
            }
            None => Ok(()),
        }
    }
}

impl Limits {
    /// The tighter of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let least = |one: Option<u64>, two: Option<u64>| one.into_iter().chain(two).min();
        Self {
            packages: least(self.packages, other.packages),
            bytes: least(self.bytes, other.bytes),
            approve: self.approve || other.approve,
        }
    }

    pub(super) fn write(&self) -> Value {
        Value::Map(map([
            ("packages", self.packages.map(Value::Unsigned)),
            ("bytes", self.bytes.map(Value::Unsigned)),
            ("approve", self.approve.then_some(Value::Bool(true))),
        ]))
    }

    pub(super) fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let limits = Self {
            packages: fields.unsigned_optional("packages")?,
            bytes: fields.unsigned_optional("bytes")?,
            approve: flag(&mut fields, "approve")?,
        };
        fields.finish()?;
        if limits == Self::default() {
            Err(wrong("limits", "absent where there are none"))
        } else {
            Ok(limits)
        }
    }
}

impl Rule {
    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let rule = Self {
            name: fields.parse("name")?,
            select: Selector::read(fields.required("select")?)?,
            action: Action::read(fields.required("action")?)?,
        };
        fields.finish()?;
        rule.check()?;
        Ok(rule)
    }

    /// What its parts cannot say of themselves.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.select.check()?;
        if self.action != Action::Delete {
            return Ok(());
        }
        match self.select.rank {
            _ if self.select.is_empty() => Err(wrong(
                "select",
                "a condition at least where it is deleted; `repository = \"*\"` is everything",
            )),
            Some(Rank::Newest(_)) => {
                Err(wrong("newest", "`beyond_newest` where it is deleted: `newest` would delete the newest"))
            }
            _ => Ok(()),
        }
    }
}

impl Action {
    fn write(&self) -> Value {
        let fields = match self {
            Self::Keep => map([("do", Some(Value::text("keep")))]),
            Self::Delete => map([("do", Some(Value::text("delete")))]),
            Self::Tier(tier) => map([("do", Some(Value::text("tier"))), ("tier", Some(Value::text(tier)))]),
            Self::Lock { mode, term } => {
                let (period, until) = match term {
                    Term::For(period) => (Some(Value::text(period)), None),
                    Term::Until(ms) => (None, Some(Value::Unsigned(*ms))),
                };
                let (what, mode) = (Some(Value::text("lock")), Some(Value::text(mode)));
                map([("do", what), ("mode", mode), ("for", period), ("until", until)])
            }
        };
        Value::Map(fields)
    }

    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let action = match fields.parse::<String>("do")?.as_str() {
            "keep" => Self::Keep,
            "delete" => Self::Delete,
            "tier" => Self::Tier(fields.parse("tier")?),
            "lock" => {
                let mode = fields.parse("mode")?;
                let term = match (fields.parse_optional("for")?, fields.unsigned_optional("until")?) {
                    (Some(period), None) => Term::For(period),
                    (None, Some(ms)) => Term::Until(ms),
                    _ => return Err(wrong("for", "there, or `until`, and not both")),
                };
                Self::Lock { mode, term }
            }
            _ => return Err(wrong("do", "`keep`, `delete`, `tier` or `lock`")),
        };
        fields.finish()?;
        Ok(action)
    }
}

#[cfg(test)]
mod tests;
