//! The newest of many: for each rule that asks, which packages are among them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::glob::TagGlob;
use super::super::package::Package;
use super::super::selector::{Match, Rank, Selector, Tags};
use super::InForce;
use crate::kernel::digest::Blake3;
use crate::kernel::id::RepositoryName;

/// Where a package stands for a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not ranked.
    Apart,
    /// Among the newest.
    Newest,
    /// Behind them.
    Beyond,
}

/// For each rule that ranks, by its place, the standing of each package, by its place.
#[derive(Debug, Default)]
pub(super) struct Ranks(BTreeMap<(usize, usize), (Rank, Vec<Standing>)>);

/// Newest first; a package of the same moment by its digest, so that all who rank find the same.
type Order = Reverse<(u64, u64, Blake3)>;

impl Ranks {
    pub(super) fn of(policies: &[InForce], packages: &[Package]) -> Self {
        let mut ranks = Self::default();
        for (p, policy) in policies.iter().enumerate() {
            for (r, rule) in policy.policy.rules.iter().enumerate() {
                if let Some(rank) = rule.select.rank {
                    ranks.0.insert((p, r), (rank, standings(&rule.select, rank, packages)));
                }
            }
        }
        ranks
    }

    /// With the condition on rank, if the rule has one.
    pub(super) fn judge(&self, rule: (usize, usize), package: usize, unranked: Match) -> Match {
        let Some((rank, standings)) = self.0.get(&rule) else { return unranked };
        let asked = match rank {
            Rank::Newest(_) => Standing::Newest,
            Rank::BeyondNewest(_) => Standing::Beyond,
        };
        match unranked {
            Match::Yes if standings[package] != asked => Match::No,
            found => found,
        }
    }
}

fn standings(selector: &Selector, rank: Rank, packages: &[Package]) -> Vec<Standing> {
    let (Rank::Newest(count) | Rank::BeyondNewest(count)) = rank;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut standings = vec![Standing::Apart; packages.len()];
    let ranked: Vec<(usize, &Package)> = packages
        .iter()
        .enumerate()
        .filter(|(_, package)| selector.fixed.matches(&package.properties()) == Match::Yes)
        .collect();
    let mut place = |when: &dyn Fn(&Package) -> Option<u64>| {
        let mut repositories: BTreeMap<&RepositoryName, Vec<(Order, usize)>> = BTreeMap::new();
        for (at, package) in &ranked {
            if let Some(ms) = when(package) {
                let order = Reverse((ms, package.accepted_at_ms, package.digest));
                repositories.entry(&package.repository).or_default().push((order, *at));
            }
        }
        for mut list in repositories.into_values() {
            list.sort_unstable();
            for (n, (_, at)) in list.into_iter().enumerate() {
                // What is among the newest for one glob stays so whatever another says.
                match (n < count, standings[at]) {
                    (true, _) => standings[at] = Standing::Newest,
                    (false, Standing::Apart) => standings[at] = Standing::Beyond,
                    _ => {}
                }
            }
        }
    };
    match &selector.tags {
        Tags::Like(globs) => globs.iter().for_each(|glob| place(&|package| last_set(package, glob))),
        Tags::Whatever => place(&|package| package.stands_alone().then_some(package.accepted_at_ms)),
        Tags::Untagged => place(&|package| {
            (package.stands_alone() && package.tags.is_empty()).then_some(package.accepted_at_ms)
        }),
    }
    standings
}

/// When a tag that matches was last set.
fn last_set(package: &Package, glob: &TagGlob) -> Option<u64> {
    package.tags.iter().filter(|of| glob.matches(&of.tag)).map(|of| of.set_at_ms).max()
}
