//! Live references: what protects a package until it goes itself, and in what order they go.

use std::collections::{BTreeSet, HashMap};

use super::super::package::Package;
use super::{Blocker, Decision};
use crate::kernel::digest::Blake3;
use crate::kernel::id::RepositoryName;

/// Places what can be deleted, and adds to the others the references that are in their way.
///
/// Of the packages that nothing else keeps, those go first that nothing refers to, then those that only these referred to, and so
/// on; those of one round in the order of their names. Whoever is left waits for something that stays.
pub(super) fn settle(packages: &[Package], decisions: &mut [Decision]) {
    let at: HashMap<(&RepositoryName, Blake3), usize> = packages
        .iter()
        .enumerate()
        .map(|(at, package)| ((&package.repository, package.digest), at))
        .collect();
    let may_go = |decision: &Decision| decision.delete.is_some() && decision.blockers.is_empty();
    let mut waits_for = vec![0_usize; packages.len()];
    let mut waiting: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut round = Vec::new();
    for (n, package) in packages.iter().enumerate() {
        if !may_go(&decisions[n]) {
            continue;
        }
        let before = protectors(package);
        waits_for[n] = before.len();
        if before.is_empty() {
            round.push(n);
        }
        for digest in before {
            if let Some(protector) = at.get(&(&package.repository, digest)) {
                waiting.entry(*protector).or_default().push(n);
            }
        }
    }
    let mut place = 0;
    while !round.is_empty() {
        round.sort_unstable_by_key(|n| (&packages[*n].repository, packages[*n].digest));
        let mut next = Vec::new();
        for n in round {
            decisions[n].place = Some(place);
            place += 1;
            for waiter in waiting.get(&n).into_iter().flatten() {
                waits_for[*waiter] -= 1;
                if waits_for[*waiter] == 0 {
                    next.push(*waiter);
                }
            }
        }
        round = next;
    }
    let goes: Vec<bool> = decisions.iter().map(|decision| decision.place.is_some()).collect();
    for (package, decision) in packages.iter().zip(decisions) {
        if decision.place.is_some() {
            continue;
        }
        let stays = |digest: &Blake3| at.get(&(&package.repository, *digest)).is_none_or(|n| !goes[*n]);
        let listed: BTreeSet<&Blake3> = package.listed_by.iter().collect();
        let listed = listed.into_iter().filter(|digest| stays(digest)).copied().map(Blocker::Listed);
        let subject = package.subject.filter(stays).map(Blocker::Subject);
        let references: Vec<Blocker> = listed.chain(subject).collect();
        let keeps = decision.blockers.iter().position(|blocker| matches!(blocker, Blocker::Keep(_)));
        let behind = keeps.unwrap_or(decision.blockers.len());
        decision.blockers.splice(behind..behind, references);
    }
}

/// What has to go before it.
fn protectors(package: &Package) -> BTreeSet<Blake3> {
    package.listed_by.iter().chain(&package.subject).copied().collect()
}
