//! A policy as it is written, in TOML or JSON, checked where it is written: an error names line and column.
//!
//! ```toml
//! description = "Nightly builds"              # "" removes it
//! schedule = { cron = "0 3 * * 1", apply = true }   # "none" removes it
//! limits = { packages = 1000, bytes = "10 GiB", approve = true }   # "none" removes one, false the approval
//!
//! [[rules]]
//! name = "releases"
//! select = { repository = "acme/*", tag = "v*" }
//! action = { lock = { mode = "governance", for = "7y" } }   # or until = "2030-12-31"
//!
//! [[rules]]
//! name = "old-nightlies"
//! select = { repository = "acme/*", tag = "nightly-*", beyond_newest = 5, older_than = "30d" }
//! action = "delete"                           # or "keep", or { tier = "cold" }
//! ```
//! - What stands at the top and is not named stays as the version before has it: description, schedule and whether it
//!   applies, each limit. To remove one, it is named. Rules are always given, all of them.
//! - A condition with several values takes a list.
//!
//! Refused: a field that is unknown, a value out of its bounds, rules that cannot mean what they say.

mod parse;
mod read;
mod write;

pub use write::draw;

use parse::Checked;

use super::policy::{Limits, Policy, Rule, Schedule};
use super::selector::FixedSelector;
use crate::kernel::limits::POLICY_SOURCE_MAX_BYTES;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Error {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What.
    pub message: String,
}

/// A policy as it was written: what it does not name is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    description: Option<Option<String>>,
    schedule: Option<Option<read::ScheduleDraft>>,
    limits: read::LimitsDraft,
    rules: Vec<Rule>,
}

impl Draft {
    /// The policy that it makes: what it does not name is as in the version before, if there is one.
    pub fn merge(self, before: Option<&Policy>) -> Policy {
        let schedule = match self.schedule {
            None => before.and_then(|before| before.schedule.clone()),
            Some(None) => None,
            Some(Some(draft)) => {
                let earlier = before.and_then(|before| before.schedule.as_ref());
                let apply = draft.apply.unwrap_or_else(|| earlier.is_some_and(|earlier| earlier.apply));
                Some(Schedule { cron: draft.cron, apply })
            }
        };
        let limits = before.map(|before| before.limits).unwrap_or_default();
        Policy {
            description: self
                .description
                .unwrap_or_else(|| before.and_then(|before| before.description.clone())),
            schedule,
            limits: Limits {
                packages: self.limits.packages.unwrap_or(limits.packages),
                bytes: self.limits.bytes.unwrap_or(limits.bytes),
                approve: self.limits.approve.unwrap_or(limits.approve),
            },
            rules: self.rules,
        }
    }
}

/// Reads TOML.
///
/// # Errors
/// With the first thing that is wrong.
pub fn toml(text: &str) -> Result<Draft, Error> {
    from_toml::<read::PolicyDraft, Draft>(text)
}

/// Reads JSON with the same fields.
///
/// # Errors
/// With the first thing that is wrong.
pub fn json(text: &str) -> Result<Draft, Error> {
    bounded(text)?;
    let draft: Checked<read::PolicyDraft, Draft> = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        Error { line: error.line().max(1), column: error.column().max(1), message }
    })?;
    Ok(draft.value)
}

/// Reads a selector of fixed properties, in TOML with the fields of `select`.
///
/// # Errors
/// With the first thing that is wrong.
pub fn selector(text: &str) -> Result<FixedSelector, Error> {
    from_toml::<read::FixedDraft, FixedSelector>(text)
}

fn from_toml<R, T>(text: &str) -> Result<T, Error>
where
    R: serde::de::DeserializeOwned,
    T: TryFrom<R, Error = String>,
{
    bounded(text)?;
    let checked: Checked<R, T> = ::toml::from_str(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        Error { line, column, message: error.message().to_owned() }
    })?;
    Ok(checked.value)
}

fn bounded(text: &str) -> Result<(), Error> {
    if text.len() <= POLICY_SOURCE_MAX_BYTES {
        return Ok(());
    }
    let message =
        format!("a policy is written in at most {POLICY_SOURCE_MAX_BYTES} bytes, this has {}", text.len());
    Err(Error { line: 1, column: 1, message })
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests;
