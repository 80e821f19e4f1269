//! Rounds of real faults under load: whatever dies, clients finish by trying again, and nothing that was acknowledged is lost.
//!
//! `STRONGROOM_FAULT_ROUNDS=50` makes it long, `STRONGROOM_FAULT_SEED` repeats one.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::harness::{noise, text, tree, until};
use crate::site::Site;

const ROUNDS: u64 = 6;
const MIB: usize = 1024 * 1024;

/// What is broken, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    ControlKilled,
    DataKilled(usize),
    PostgresCrashed,
    BucketAway,
}

const FAULTS: [Fault; 5] = [
    Fault::DataKilled(0),
    Fault::PostgresCrashed,
    Fault::ControlKilled,
    Fault::BucketAway,
    Fault::DataKilled(1),
];

impl Fault {
    fn strike(self, site: &mut Site) {
        match self {
            Self::ControlKilled => site.control.kill(),
            Self::DataKilled(n) => site.data[n].kill(),
            Self::PostgresCrashed => site.postgres.crash(),
            Self::BucketAway => site.to_bucket.hold_after(0),
        }
    }

    fn heal(self, site: &mut Site) {
        match self {
            Self::ControlKilled => site.control.restart(),
            Self::DataKilled(n) => site.data[n].restart(),
            Self::PostgresCrashed => site.postgres.resume(),
            Self::BucketAway => {
                site.to_bucket.cut();
                site.to_bucket.release();
            }
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// A package that no other is like.
fn source(site: &Site, name: &str, seed: u64) -> PathBuf {
    let source = site.path(name);
    fs::create_dir(&source).unwrap();
    fs::write(source.join("large"), noise(seed, 12 * MIB)).unwrap();
    for n in 0..10 {
        fs::write(source.join(format!("small-{n}")), noise(seed + 1 + n, 3_000)).unwrap();
    }
    source
}

/// Pushes until it succeeds, as a person would: by the same command again.
fn push(site: &Site, source: &Path, package: &str) -> thread::JoinHandle<Vec<String>> {
    let (admin, source, package) = (site.admin(), source.to_owned(), package.to_owned());
    thread::spawn(move || {
        let mut refused = Vec::new();
        loop {
            let run = admin.run(&["push", text(&source), &package]);
            if run.status == 0 {
                return refused;
            }
            assert!(run.status == 1 && run.stderr.starts_with("error: "), "no clear error: {run:?}");
            refused.push(run.stderr);
            assert!(refused.len() < 10, "{package} is never taken: {refused:?}");
            // A server that never answered is not waited for; who pushes looks after it, and pushes again.
            thread::sleep(Duration::from_secs(1));
        }
    })
}

#[test]
fn whatever_dies_under_load_nothing_that_was_acknowledged_is_lost() {
    let rounds = number("STRONGROOM_FAULT_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("STRONGROOM_FAULT_SEED").unwrap_or_else(rand::random);
    eprintln!("STRONGROOM_FAULT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut site = Site::balanced();
    let mut acknowledged = Vec::new();
    let mut again = 0;
    for round in 0..rounds {
        let fault = FAULTS[usize::try_from(round).unwrap() % FAULTS.len()];
        let sources = [0, 1].map(|n| source(&site, &format!("r{round}-{n}"), 1_000 * (2 * round + n)));
        let packages = [0, 1].map(|n| format!("acme/faults:r{round}-{n}"));
        let pushes = [0, 1].map(|n| push(&site, &sources[n], &packages[n]));
        thread::sleep(Duration::from_millis(random.random_range(50..1_000)));
        fault.strike(&mut site);
        thread::sleep(Duration::from_millis(random.random_range(0..800)));
        fault.heal(&mut site);
        let refused: Vec<_> = pushes.into_iter().flat_map(|push| push.join().unwrap()).collect();
        eprintln!("round {round}: {fault:?}, pushed again {} times {refused:?}", refused.len());
        again += refused.len();
        acknowledged.extend(sources.into_iter().zip(packages));
        site.until_ready();
    }
    let admin = site.admin();
    for (source, package) in acknowledged {
        let target = site.path("target");
        admin.ok(&["pull", &package, text(&target)]);
        assert_eq!(tree(&source), tree(&target), "{package}");
        fs::remove_dir_all(target).unwrap();
    }
    admin.ok(&["audit", "--url", &site.url()]);
    eprintln!("{rounds} rounds, {again} pushes had to be repeated by hand");
}

#[test]
fn a_client_goes_on_at_another_data_node_when_its_own_is_gone_for_good() {
    let mut site = Site::direct();
    let source = source(&site, "source", 7);
    for n in 0..3 {
        fs::write(source.join(format!("more-{n}")), noise(100 + n, 12 * MIB)).unwrap();
    }
    let pushing = push(&site, &source, "acme/gone:v1");
    // Sessions are at both.
    let before = site.to_bucket.passed();
    until("bytes to be in the bucket", || site.to_bucket.passed() > before + 8 * MIB as u64);
    site.data[0].kill();
    assert_eq!(pushing.join().unwrap(), Vec::<String>::new(), "the same push finishes");
    let (admin, target) = (site.admin(), site.path("target"));
    admin.ok(&["pull", "acme/gone:v1", text(&target)]);
    assert_eq!(tree(&source), tree(&target));
    site.data[0].restart();
    admin.ok(&["audit", "--url", &site.url()]);
}
