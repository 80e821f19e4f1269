//! The evaluator against a naive one, written from the words of the design: each question is asked again for every package
//! and answered by looking at all others.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::tests::{package, policy};
use super::*;
use crate::kernel::digest::Digests;
use crate::retention::package::TagOf;
use crate::retention::period::DAY_MS;
use crate::retention::policy::{Rule, Term};
use crate::retention::selector::{Rank, Tags};

const NOW_MS: u64 = 100 * DAY_MS;

/// The world as the naive one sees it.
struct World<'w> {
    policies: &'w [InForce],
    packages: &'w [Package],
    now_ms: u64,
}

impl World<'_> {
    fn rules(&self) -> impl Iterator<Item = (RuleAt, &InForce, &Rule)> {
        self.policies.iter().enumerate().flat_map(|(p, policy)| {
            let rules = policy.policy.rules.iter().enumerate();
            rules.map(move |(r, rule)| (RuleAt { policy: p, rule: r }, policy, rule))
        })
    }

    /// How many packages of its repository are newer, among those that the rule counts.
    fn newer(&self, rule: &Rule, package: &Package, when: &dyn Fn(&Package) -> Option<u64>) -> Option<usize> {
        let key = |one: &Package| when(one).map(|ms| (ms, one.accepted_at_ms, one.digest));
        let mine = key(package)?;
        let counted = |one: &&Package| {
            one.repository == package.repository
                && rule.select.fixed.matches(&one.properties()) == Match::Yes
                && key(one).is_some_and(|theirs| theirs > mine)
        };
        Some(self.packages.iter().filter(counted).count())
    }

    fn matches(&self, rule: &Rule, package: &Package) -> Match {
        let unranked = rule.select.matches_unranked(package, self.now_ms);
        let Some(rank) = rule.select.rank else { return unranked };
        if unranked != Match::Yes {
            return unranked;
        }
        let alone = |one: &Package| one.listed_by.is_empty() && one.subject.is_none();
        let places: Vec<usize> = match &rule.select.tags {
            Tags::Whatever => self
                .newer(rule, package, &|one| alone(one).then_some(one.accepted_at_ms))
                .into_iter()
                .collect(),
            Tags::Untagged => self
                .newer(rule, package, &|one| {
                    (alone(one) && one.tags.is_empty()).then_some(one.accepted_at_ms)
                })
                .into_iter()
                .collect(),
            Tags::Like(globs) => globs
                .iter()
                .filter_map(|glob| {
                    self.newer(rule, package, &|one| {
                        one.tags.iter().filter(|of| glob.matches(&of.tag)).map(|of| of.set_at_ms).max()
                    })
                })
                .collect(),
        };
        let selected = match rank {
            Rank::Newest(count) => places.iter().any(|place| (*place as u64) < count),
            Rank::BeyondNewest(count) => {
                !places.is_empty() && places.iter().all(|place| *place as u64 >= count)
            }
        };
        if selected { Match::Yes } else { Match::No }
    }

    /// Until when a package is locked in that mode: recorded, or as a rule says.
    fn locked_until(&self, package: &Package, locked: LockMode) -> Option<u64> {
        let recorded = match locked {
            LockMode::Compliance => package.compliance_until_ms,
            LockMode::Governance => package.governance_until_ms,
        };
        let said = self.rules().filter_map(|(_, _, rule)| match rule.action {
            Action::Lock { mode, term } if mode == locked && self.matches(rule, package) == Match::Yes => {
                Some(match term {
                    // A lock lasts to the end of the day.
                    Term::For(period) => period.after_ms(package.clock_start_ms).div_ceil(DAY_MS) * DAY_MS,
                    Term::Until(ms) => ms,
                })
            }
            _ => None,
        });
        let until = recorded.into_iter().chain(said).max()?;
        let lifted =
            locked == LockMode::Governance && package.bypassed_until_ms.is_some_and(|ms| ms >= until);
        (until > self.now_ms && !lifted).then_some(until)
    }

    fn would_delete(&self, package: &Package) -> bool {
        self.rules().any(|(_, policy, rule)| {
            policy.acts && rule.action == Action::Delete && self.matches(rule, package) == Match::Yes
        })
    }

    fn is_protected(&self, package: &Package) -> bool {
        let keeps = |rule: &Rule| rule.action == Action::Keep && self.matches(rule, package) != Match::No;
        !package.holds.is_empty()
            || self.locked_until(package, LockMode::Compliance).is_some()
            || self.locked_until(package, LockMode::Governance).is_some()
            || !package.pins.is_empty()
            || self.rules().any(|(_, _, rule)| keeps(rule))
    }

    /// What goes: over and over, whatever is not protected and is referred to by nothing that is left.
    fn deleted(&self) -> BTreeSet<usize> {
        let mut gone: BTreeSet<usize> = BTreeSet::new();
        loop {
            let left = |package: &Package, digest: &Blake3| {
                let found = self
                    .packages
                    .iter()
                    .position(|one| one.repository == package.repository && one.digest == *digest);
                found.is_none_or(|at| !gone.contains(&at))
            };
            let next = self.packages.iter().enumerate().find(|(at, package)| {
                !gone.contains(at)
                    && self.would_delete(package)
                    && !self.is_protected(package)
                    && !package.listed_by.iter().chain(&package.subject).any(|digest| left(package, digest))
            });
            match next.map(|(at, _)| at) {
                Some(at) => gone.insert(at),
                None => return gone,
            };
        }
    }
}

fn digest(n: usize) -> Blake3 {
    Digests::of(n.to_string().as_bytes()).blake3
}

/// Within a hundred days, some at the very beginning of one.
fn moments() -> impl Strategy<Value = u64> {
    (0..100_u64, prop::sample::select(vec![0, 0, 1, 7_200_000, DAY_MS - 1]))
        .prop_map(|(day, ms)| day * DAY_MS + ms)
}

fn a_package(n: usize) -> impl Strategy<Value = Package> {
    let tags = prop::collection::btree_map(prop::sample::select(vec!["v1", "v2", "w1"]), 0..100_u64, 0..3);
    let day = || prop::option::weighted(0.3, (90..110_u64).prop_map(|day| day * DAY_MS));
    let pins =
        prop::bool::weighted(0.1).prop_map(|pinned| if pinned { vec!["prod".to_owned()] } else { vec![] });
    (
        (prop::sample::select(vec!["acme/a", "acme/b"]), tags, moments(), 0..20_u64, 0..4_u64),
        (day(), day(), day(), prop::option::of(0..100_u64)),
        (pins, prop::bool::weighted(0.1)),
        (prop::collection::btree_set(0..9_usize, 0..2), prop::option::weighted(0.3, 0..9_usize)),
        prop::option::weighted(0.8, prop::collection::btree_map("[kl]", "[xy]", 0..2)),
    )
        .prop_map(move |(base, locks, claims, references, annotations)| {
            let (repository, tags, accepted, later, size) = base;
            let (governance_until_ms, compliance_until_ms, bypassed_until_ms, last_read_day) = locks;
            Package {
                repository: repository.parse().unwrap(),
                digest: digest(n),
                tags: tags
                    .into_iter()
                    .map(|(tag, set_at_ms)| TagOf { tag: tag.parse().unwrap(), set_at_ms })
                    .collect(),
                accepted_at_ms: accepted,
                clock_start_ms: accepted + later * DAY_MS,
                size_bytes: size,
                governance_until_ms,
                compliance_until_ms,
                bypassed_until_ms,
                last_read_day,
                pins: claims.0,
                holds: if claims.1 { vec!["matter".into()] } else { vec![] },
                listed_by: references.0.into_iter().filter(|other| *other != n).map(digest).collect(),
                subject: references.1.filter(|other| *other != n).map(digest),
                annotations,
                ..package("x")
            }
        })
}

fn packages() -> impl Strategy<Value = Vec<Package>> {
    (0..9_usize).prop_flat_map(|count| (0..count).map(a_package).collect::<Vec<_>>())
}

fn a_rule() -> impl Strategy<Value = String> {
    let conditions = vec![
        "repository = 'acme/*'",
        "repository = '*b'",
        "tag = 'v*'",
        "tag = ['v1', 'w*']",
        "untagged = true",
        "older_than = '50d'",
        "not_read_for = '20d'",
        "larger_than = 1",
        "smaller_than = 3",
        "has_annotation = 'k'",
        "annotations = { l = 'x' }",
        "accepted_after = '1970-02-01'",
        "beyond_newest = 1",
        "beyond_newest = 2",
        "tag = 'v*', beyond_newest = 1",
    ];
    let actions = vec![
        "'delete'",
        "'delete'",
        "'delete'",
        "'keep'",
        "{ tier = 'cold' }",
        "{ lock = { mode = 'governance', for = '30d' } }",
        "{ lock = { mode = 'governance', for = '5h' } }",
        "{ lock = { mode = 'compliance', for = '2mo' } }",
        "{ lock = { mode = 'compliance', until = '1970-04-12' } }",
    ];
    (prop::sample::subsequence(conditions, 1..3), prop::sample::select(actions)).prop_map(
        |(conditions, action)| format!("select = {{ {} }}\naction = {action}\n", conditions.join(", ")),
    )
}

/// Conditions that cannot stand together make no rule.
fn policies() -> impl Strategy<Value = Vec<InForce>> {
    let one = (prop::collection::vec(a_rule(), 1..5), prop::bool::weighted(0.8));
    prop::collection::vec(one, 0..3).prop_map(|policies| {
        let one = |(at, (rules, acts)): (usize, (Vec<String>, bool))| {
            let rules: String = rules
                .into_iter()
                .enumerate()
                .map(|(n, rule)| format!("[[rules]]\nname = 'r{n}'\n{rule}"))
                .filter(|rule| crate::retention::draft::toml(rule).is_ok())
                .collect();
            (!rules.is_empty()).then(|| InForce { acts, ..policy(&format!("p{at}"), &rules) })
        };
        policies.into_iter().enumerate().filter_map(one).collect()
    })
}

fn deleted(decisions: &[Decision]) -> BTreeSet<usize> {
    decisions.iter().enumerate().filter(|(_, one)| one.place.is_some()).map(|(at, _)| at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_evaluator_decides_as_the_naive_one(packages in packages(), policies in policies()) {
        let world = World { policies: &policies, packages: &packages, now_ms: NOW_MS };
        let decisions = evaluate(&policies, &packages, NOW_MS);
        prop_assert_eq!(deleted(&decisions), world.deleted());
        for (package, decision) in packages.iter().zip(&decisions) {
            prop_assert_eq!(decision.delete.is_some(), world.would_delete(package));
            for mode in [LockMode::Compliance, LockMode::Governance] {
                let named = decision.blockers.iter().find_map(|blocker| match blocker {
                    Blocker::Lock { mode: found, until_ms, .. } if *found == mode => Some(*until_ms),
                    _ => None,
                });
                prop_assert_eq!(named, world.locked_until(package, mode));
            }
            let keeps: Vec<RuleAt> = world
                .rules()
                .filter(|(_, _, rule)| rule.action == Action::Keep && world.matches(rule, package) != Match::No)
                .map(|(at, ..)| at)
                .collect();
            let named: Vec<RuleAt> = decision.blockers.iter().filter_map(|blocker| match blocker {
                Blocker::Keep(at) => Some(*at),
                _ => None,
            }).collect();
            prop_assert_eq!(named, keeps);
        }
    }

    #[test]
    fn what_is_recorded_at_once_is_what_is_computed_later(
        package in a_package(0), policies in policies(), now in moments(), within in 0..3_u64
    ) {
        let new = |at_ms| Package {
            accepted_at_ms: at_ms,
            clock_start_ms: at_ms,
            governance_until_ms: None,
            compliance_until_ms: None,
            bypassed_until_ms: None,
            last_read_day: None,
            ..package.clone()
        };
        let decided = locks_at_once(&policies, &new(now), now);
        prop_assert!(decided.until_ms >= now);
        // Accepted a little later than it was decided.
        let at = now + (decided.until_ms - now) * within / 2;
        let mut accepted = new(at);
        for lock in &decided.locks {
            match lock.mode {
                LockMode::Compliance => accepted.compliance_until_ms = Some(lock.until_ms),
                LockMode::Governance => accepted.governance_until_ms = Some(lock.until_ms),
            }
        }
        let acting: Vec<InForce> =
            policies.iter().map(|policy| InForce { acts: true, ..policy.clone() }).collect();
        let counts = |at: &RuleAt| acting[at.policy].policy.rules[at.rule].select.rank.is_some();
        let left = evaluate(&acting, &[accepted], at).remove(0).locks;
        prop_assert!(left.iter().all(|due| counts(&due.rule)), "{:?} behind {:?}", left, decided);
        // The naive one finds those ends too.
        let unranked: Vec<InForce> = acting.into_iter().filter_map(|mut policy| {
            policy.policy.rules.retain(|rule| rule.select.rank.is_none());
            (!policy.policy.rules.is_empty()).then_some(policy)
        }).collect();
        let world = World { policies: &unranked, packages: &[], now_ms: at };
        for mode in LockMode::ALL {
            let named = decided.locks.iter().find(|lock| lock.mode == mode).map(|lock| lock.until_ms);
            prop_assert_eq!(named, world.locked_until(&new(at), mode));
        }
    }

    #[test]
    fn each_package_is_deleted_or_kept_and_each_goes_behind_what_protects_it(
        packages in packages(), policies in policies()
    ) {
        let decisions = evaluate(&policies, &packages, NOW_MS);
        let mut places: Vec<u32> = decisions.iter().filter_map(|decision| decision.place).collect();
        places.sort_unstable();
        prop_assert_eq!(&places, &(0..places.len() as u32).collect::<Vec<_>>());
        for (package, decision) in packages.iter().zip(&decisions) {
            let goes = matches!(decision.outcome(), Outcome::DeletedBy(_));
            prop_assert_eq!(goes, decision.place.is_some());
            prop_assert_eq!(goes, decision.delete.is_some() && decision.blockers.is_empty());
            for digest in package.listed_by.iter().chain(&package.subject) {
                let before = packages.iter().position(|one| one.repository == package.repository && one.digest == *digest);
                if let (Some(place), Some(before)) = (decision.place, before) {
                    prop_assert!(decisions[before].place.is_some_and(|before| before < place));
                }
            }
        }
    }

    #[test]
    fn what_no_acting_policy_selects_is_never_deleted(packages in packages(), policies in policies()) {
        let idle: Vec<InForce> = policies.into_iter().map(|policy| InForce { acts: false, ..policy }).collect();
        prop_assert!(deleted(&evaluate(&idle, &packages, NOW_MS)).is_empty());
        prop_assert!(deleted(&evaluate(&[], &packages, NOW_MS)).is_empty());
    }

    #[test]
    fn more_protection_never_deletes_more(
        packages in packages(), policies in policies(), which in any::<prop::sample::Index>(), how in 0..5_u8
    ) {
        prop_assume!(!packages.is_empty());
        let before = deleted(&evaluate(&policies, &packages, NOW_MS));
        let (mut protected, mut more) = (packages.clone(), policies.clone());
        let one = &mut protected[which.index(packages.len())];
        match how {
            0 => one.holds.push("more".into()),
            1 => one.pins.push("more".into()),
            2 => one.compliance_until_ms = Some(u64::MAX),
            3 => one.governance_until_ms = Some(u64::MAX),
            _ => more.push(policy("z", "[[rules]]\nname = 'k'\nselect = { tag = 'v1' }\naction = 'keep'\n")),
        }
        let after = deleted(&evaluate(&more, &protected, NOW_MS));
        prop_assert!(after.is_subset(&before), "{:?} is not within {:?}", after, before);
    }

    #[test]
    fn the_order_in_which_packages_are_given_changes_nothing(
        packages in packages(), policies in policies(), by in 0..9_usize
    ) {
        let mut turned = packages.clone();
        turned.rotate_left(by % packages.len().max(1));
        let mut decisions = evaluate(&policies, &packages, NOW_MS);
        decisions.rotate_left(by % packages.len().max(1));
        prop_assert_eq!(decisions, evaluate(&policies, &turned, NOW_MS));
    }
}
