//! Plans: what a run of policies would do, with the rule that decided and everything that is in the way, as documents.
//!
//! ```text
//! header = { "v": 1, "position": uint (size of the log), "at": uint (ms), ? "actor": text,
//!            "policies": [* { "policy": text, "version": uint, "document": bytes .size 32, "acts": bool }],
//!            ? "limits": limits of a policy, "totals": totals, "parts": [* bytes .size 32] }
//! part   = { "v": 1, "items": [+ item] }
//! item   = { "repository": text, "digest": bytes .size 32, "size": uint, "do": "lock" / "tier" / "delete" / "keep",
//!            "rule": rule, ? "mode": text, ? "until": uint (ms), ? "tier": text,
//!            ? "kept-by": [+ blocker], ? "unnamed": uint, ? "early": uint (bytes times days) }
//! rule   = { "policy": uint (place in the header's list), "rule": text }
//! ```
//! - A plan is its header, and named by the header's BLAKE3; the header lists its parts by theirs. As a file it is a CBOR
//!   sequence (RFC 8742), the header first, then the parts in order.
//! - It is made at one size of the log and one time, and says all that it was made from. The same input is the same plan, to
//!   the byte, so a plan may be made again by whoever doubts it.
//! - Items are in the order in which they may be applied: locks, tiers, deletions (what protects goes before what it
//!   protects), then what a rule would delete and something keeps.
//! - A package that lies in a tier already is not moved there. `early` is what stores charge for what leaves them too early.
//! - Each document is one of the log's, at most 4 MiB. How items are dealt to parts follows from the items.
//!
//! Refused: a part that is not the one listed, items in another order, totals or parts that are not those of the items.

mod header;
mod item;

pub use header::{Header, Kept, PolicyAt, Totals};
pub use item::{Item, Named, RuleOf, What};

use super::evaluate::{Decision, InForce};
use super::package::Package;
use super::policy::Limits;
use crate::kernel::cbor::sequence::item_length;
use crate::kernel::cbor::{self, Bounds, Fields, Value};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::Actor;
use crate::kernel::limits::{CBOR_ITEMS_MAX, DOCUMENT_MAX_BYTES, PLAN_PART_ITEMS_MAX, PLAN_PARTS_MAX};

/// Why a plan cannot be made, or bytes are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A document of it is not canonical, or a field is wrong.
    #[error("plan: {0}")]
    Encoding(#[from] cbor::Error),
    /// It is no sequence of documents.
    #[error("plan: not a sequence of documents of at most {DOCUMENT_MAX_BYTES} bytes each")]
    Sequence,
    /// There is no header.
    #[error("plan: it ends before its header does")]
    Empty,
    /// A part is not the one that the header lists.
    #[error("plan: part {0} is not the one that the header lists")]
    Part(usize),
    /// Parts are missing, or too many.
    #[error("plan: {found} parts, where the header lists {listed}")]
    Parts {
        /// Parts that the header lists.
        listed: usize,
        /// Parts that are there.
        found: usize,
    },
    /// An item is not where it must be, or there twice.
    #[error("plan: item {0} is not in the order of a plan, or names no policy that acts")]
    Order(usize),
    /// Totals, or how items are dealt to parts, are not those of the items.
    #[error("plan: totals or parts are not those of its items")]
    NotOfItsItems,
    /// More than a plan may hold.
    #[error(
        "a plan has at most {PLAN_PARTS_MAX} parts, this would have {0}; make it for fewer policies or repositories"
    )]
    TooLarge(usize),
}

/// When, on what and by whom a plan is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Size of the log whose packages were evaluated.
    pub position: u64,
    /// The time at which they were, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Who asked; none for whom it does not matter.
    pub actor: Option<Actor>,
}

/// What a run of policies would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// When, on what and by whom it was made.
    pub made: Made,
    /// The policies that were evaluated, those too that do not act.
    pub policies: Vec<PolicyAt>,
    /// What applying it may do at most.
    pub limits: Limits,
    /// Packages that were looked at.
    pub packages: u64,
    /// In order.
    pub items: Vec<Item>,
}

/// A plan's documents: the header, then its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// The document that names the plan.
    pub header: Vec<u8>,
    /// The parts in order.
    pub parts: Vec<Vec<u8>>,
}

impl Documents {
    /// What the plan is called: the BLAKE3 of its header.
    pub fn digest(&self) -> Blake3 {
        Digests::of(&self.header).blake3
    }

    /// The file form: one sequence.
    pub fn to_sequence(&self) -> Vec<u8> {
        [&self.header].into_iter().chain(&self.parts).flatten().copied().collect()
    }
}

impl Plan {
    /// The media type of the header.
    pub const MEDIA_TYPE: &'static str = "application/vnd.strongroom.plan.v1+cbor";

    /// The media type of a part.
    pub const PART_MEDIA_TYPE: &'static str = "application/vnd.strongroom.plan-part.v1+cbor";

    /// The media type of the whole as a file.
    pub const SEQUENCE_MEDIA_TYPE: &'static str = "application/vnd.strongroom.plan.v1+cbor-seq";

    /// Of what was decided about those packages.
    pub fn of(made: Made, policies: &[InForce], packages: &[Package], decisions: &[Decision]) -> Self {
        let acting = policies.iter().filter(|policy| policy.acts);
        let mut items: Vec<(u32, Item)> = packages
            .iter()
            .zip(decisions)
            .flat_map(|(package, decision)| {
                let place = decision.place.unwrap_or(0);
                Item::of(policies, package, decision).into_iter().map(move |item| (place, item))
            })
            .collect();
        items.sort_by(|(place_a, a), (place_b, b)| {
            a.what.rank().cmp(&b.what.rank()).then(place_a.cmp(place_b)).then_with(|| a.key().cmp(&b.key()))
        });
        Self {
            made,
            policies: policies.iter().map(PolicyAt::of).collect(),
            limits: acting.fold(Limits::default(), |limits, policy| limits.and(policy.policy.limits)),
            packages: packages.len() as u64,
            items: items.into_iter().map(|(_, item)| item).collect(),
        }
    }

    /// What it does, counted.
    pub fn totals(&self) -> Totals {
        Totals::of(self.packages, &self.items)
    }

    /// Its documents.
    ///
    /// # Errors
    /// If it has more parts than a plan may have.
    pub fn documents(&self) -> Result<Documents, Error> {
        let mut parts = Vec::new();
        let mut part: Vec<Value> = Vec::new();
        let (mut bytes, mut values) = (0, 0);
        for item in &self.items {
            let (value, more_values) = (item.write(), item.values());
            let more_bytes = cbor::encode(&value).len();
            let full = part.len() == PLAN_PART_ITEMS_MAX
                || bytes + more_bytes > DOCUMENT_MAX_BYTES - PART_HEAD_BYTES
                || values + more_values > CBOR_ITEMS_MAX - PART_HEAD_BYTES;
            if full {
                parts.push(part_of(std::mem::take(&mut part)));
                (bytes, values) = (0, 0);
            }
            part.push(value);
            bytes += more_bytes;
            values += more_values;
        }
        if !part.is_empty() {
            parts.push(part_of(part));
        }
        if parts.len() > PLAN_PARTS_MAX {
            return Err(Error::TooLarge(parts.len()));
        }
        let header = Header {
            made: self.made.clone(),
            policies: self.policies.clone(),
            limits: self.limits,
            totals: self.totals(),
            parts: parts.iter().map(|part| Digests::of(part).blake3).collect(),
        };
        Ok(Documents { header: header.encode(), parts })
    }

    /// Reads a plan from its file form.
    ///
    /// # Errors
    /// If it is not what [`Self::documents`] would give.
    pub fn decode(sequence: &[u8]) -> Result<Self, Error> {
        let mut documents = Vec::new();
        let mut rest = sequence;
        while !rest.is_empty() {
            let length = item_length(rest, DOCUMENT_MAX_BYTES).map_err(|_| Error::Sequence)?;
            let (document, behind) = rest.split_at(length.ok_or(Error::Sequence)?);
            documents.push(document);
            rest = behind;
        }
        let (header, parts) = documents.split_first().ok_or(Error::Empty)?;
        Self::of_documents(header, parts)
    }

    /// Reads a plan from its documents.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn of_documents(header: &[u8], parts: &[&[u8]]) -> Result<Self, Error> {
        let Header { made, policies, limits, totals, parts: listed } = Header::decode(header)?;
        if listed.len() != parts.len() {
            return Err(Error::Parts { listed: listed.len(), found: parts.len() });
        }
        let mut items = Vec::new();
        for (n, (part, listed)) in parts.iter().zip(&listed).enumerate() {
            if Digests::of(part).blake3 != *listed {
                return Err(Error::Part(n));
            }
            let mut fields = Fields::of(cbor::decode(part, Bounds::bytes(DOCUMENT_MAX_BYTES))?)?;
            super::codec::version(&mut fields)?;
            for item in fields.array("items")? {
                items.push(Item::read(item)?);
            }
            fields.finish()?;
        }
        let plan = Self { made, policies, limits, packages: totals.packages, items };
        plan.check()?;
        // Canonical documents that say the same are the same, so this compares totals and how items are dealt to parts.
        let again = plan.documents()?;
        if again.header != header { Err(Error::NotOfItsItems) } else { Ok(plan) }
    }

    /// What its items cannot say of themselves.
    fn check(&self) -> Result<(), Error> {
        let acts = |of: &RuleOf| {
            usize::try_from(of.policy).ok().and_then(|at| self.policies.get(at)).map(|policy| policy.acts)
        };
        let mut deleted = std::collections::BTreeSet::new();
        for (n, item) in self.items.iter().enumerate() {
            let behind = n.checked_sub(1).map(|before| &self.items[before]);
            let in_order = behind.is_none_or(|before| match before.what.rank().cmp(&item.what.rank()) {
                std::cmp::Ordering::Equal if item.what == What::Delete => true,
                std::cmp::Ordering::Equal => before.key() < item.key(),
                order => order.is_lt(),
            });
            let once = item.what != What::Delete || deleted.insert((&item.repository, item.digest));
            let named = item.kept_by.iter().filter_map(Named::rule).all(|rule| acts(rule).is_some());
            if !(in_order && once && named && acts(&item.rule) == Some(true)) {
                return Err(Error::Order(n));
            }
        }
        Ok(())
    }
}

/// What a part has beside its items, in bytes and in values, and more.
const PART_HEAD_BYTES: usize = 64;

fn part_of(items: Vec<Value>) -> Vec<u8> {
    cbor::encode(&Value::Map(super::codec::map([
        ("v", Some(Value::Unsigned(1))),
        ("items", Some(Value::Array(items))),
    ])))
}

#[cfg(test)]
mod tests;
