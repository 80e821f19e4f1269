//! Thousands of short histories of clients, a log, crashes, faults of the store, passing time and sweeps, each from a seed.
//!
//! - No acknowledged deposit ever loses its bytes: what the log says is stored is in the store, with its digests.
//! - Nothing unclaimed stays for ever: when all uploads are over and time has passed, two sweeps leave only what is stored.
//!
//! A seed that fails is printed, and replays exactly: `STRONGROOM_SIMULATION_SEED=<seed>`. `STRONGROOM_SIMULATION_RUNS` sets
//! how many are tried.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use strongroom::clock::{Clock as _, Manual};
use strongroom::contract::{Grant, KeyRing, Operation, Receipt, SigningKey, Size, Upload};
use strongroom::control::objects::may_be_claimed;
use strongroom::data::{
    Admitted, Append, Bounds, Config, DataPlane, Deliver, Disposition, Phase, Undelivered, outstanding,
};
use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::event::KeyKind;
use strongroom::kernel::id::{GrantId, ObjectKey, SessionId, StoreName};
use strongroom::kernel::limits::{GRANT_LIFE_SECONDS, SESSION_LIFE_MAX_SECONDS};
use strongroom::stores::{Error, Fault, Kind, Listed, Memory, Store};
use uuid::Uuid;

use crate::harness::{START_MS, body, sample};

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// SplitMix64: the same numbers for the same seed, on any machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("small")
    }
}

/// What the log of a control plane would say, by the same rules.
#[derive(Default)]
struct Log {
    stored: BTreeMap<ObjectKey, Receipt>,
    live: BTreeMap<Blake3, ObjectKey>,
    discarded: BTreeSet<ObjectKey>,
}

impl Log {
    fn take(&mut self, receipt: Receipt, late: bool) -> Disposition {
        let object = receipt.object.clone();
        if self.stored.contains_key(&object) {
            return Disposition::Accepted;
        }
        if late || self.discarded.contains(&object) || self.live.contains_key(&receipt.digests.blake3) {
            self.discarded.insert(object);
            return Disposition::Discarded;
        }
        self.live.insert(receipt.digests.blake3, object.clone());
        self.stored.insert(object, receipt);
        Disposition::Accepted
    }
}

/// A control plane that is away now and then, also right after it has written.
struct Control {
    log: Mutex<Log>,
    clock: Arc<Manual>,
    /// Of the next answers: away before, or lost after.
    faults: Mutex<Vec<Option<bool>>>,
}

#[async_trait]
impl Deliver for Control {
    async fn deliver(&self, receipt: &str) -> Result<Disposition, Undelivered> {
        let away = || Undelivered("away".into());
        let fault = self.faults.lock().unwrap().pop().flatten();
        if fault == Some(false) {
            return Err(away());
        }
        let ring = KeyRing::of([SigningKey::from_seed(KeyKind::Receipt, [2; 32]).verifying_key()]);
        let told = Receipt::decode(receipt, &ring).expect("a true receipt");
        let late = Receipt::verify(receipt, &ring, self.clock.now_ms()).is_err();
        let answer = self.log.lock().unwrap().take(told, late);
        if fault == Some(true) { Err(away()) } else { Ok(answer) }
    }
}

/// A client's upload.
struct Deposit {
    grant: Admitted,
    session: SessionId,
    bytes: Vec<u8>,
}

struct World {
    dice: Dice,
    memory: Memory,
    plane: DataPlane,
    clock: Arc<Manual>,
    control: Arc<Control>,
    deposits: Vec<Deposit>,
    grants: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let clock = Arc::new(Manual::at_ms(START_MS));
        let control =
            Arc::new(Control { log: Mutex::default(), clock: clock.clone(), faults: Mutex::default() });
        let memory = Memory::new();
        let plane = plane(&memory, &clock, &control);
        Self { dice: Dice(seed), memory, plane, clock, control, deposits: Vec::new(), grants: 0 }
    }

    fn restart(&mut self) {
        self.memory = self.memory.crash();
        self.plane = plane(&self.memory, &self.clock, &self.control);
    }

    /// One thing happens.
    async fn step(&mut self) {
        match self.dice.below(16) {
            0..=2 => self.begin().await,
            3..=6 => self.send().await,
            7 | 8 => self.put_small().await,
            9 => {
                let fault = [Fault::Failed, Fault::FailedButPersisted, Fault::Full][self.dice.below(3)];
                let at = self.dice.below(6);
                match self.dice.below(2) {
                    0 => self.memory.faults().fail(at, fault),
                    _ => self.memory.faults().fail_from(at, fault),
                }
            }
            10 => {
                self.memory.faults().clear();
                self.restart();
            }
            11 => {
                let fault = [None, Some(false), Some(true)][self.dice.below(3)];
                self.control.faults.lock().unwrap().push(fault);
            }
            12 => drop(self.plane.redeliver().await),
            13 => {
                let hours = [1, 7, 25, 8 * 24, 10 * 24][self.dice.below(5)];
                self.clock.advance_ms(hours * HOUR_MS);
            }
            14 => drop(self.plane.sweep().await),
            _ => drop(self.sweep_objects().await),
        }
    }

    fn grant(&mut self, size: u64) -> (Admitted, SessionId) {
        self.grants += 1;
        let now_ms = self.clock.now_ms();
        let id = Uuid::from_u128(u128::from(now_ms) << 80 | 7 << 76 | 2 << 62 | u128::from(self.grants));
        let now_seconds = now_ms / 1_000;
        let grant = Grant {
            id: GrantId(id),
            actor: "svc:lab".parse().unwrap(),
            repository: "acme/reports".parse().unwrap(),
            store: "main".parse().unwrap(),
            issued_at_seconds: now_seconds,
            expires_at_seconds: now_seconds + GRANT_LIFE_SECONDS,
            operation: Operation::Upload(Upload {
                session: None,
                expected: None,
                size: Size::Exact(size),
                session_ends_at_seconds: now_seconds + SESSION_LIFE_MAX_SECONDS,
            }),
        };
        let text = grant.sign(&SigningKey::from_seed(KeyKind::Grant, [1; 32]));
        (self.plane.admit(&text).unwrap(), SessionId(id))
    }

    /// Few contents, so that the same one comes twice.
    fn content(&mut self) -> Vec<u8> {
        let length = 1 + self.dice.below(5) * 700;
        sample(length)
    }

    async fn begin(&mut self) {
        let bytes = self.content();
        let (grant, session) = self.grant(bytes.len() as u64);
        let _ = self.plane.create(&grant, Some(bytes.len() as u64)).await;
        self.deposits.push(Deposit { grant, session, bytes });
    }

    async fn send(&mut self) {
        if self.deposits.is_empty() {
            return;
        }
        let which = self.dice.below(self.deposits.len());
        let share = self.dice.below(4);
        let Deposit { grant, session, bytes } = &self.deposits[which];
        let Ok(status) = self.plane.status(grant, *session).await else { return };
        if let Phase::Sealed(_) = status.phase {
            return;
        }
        let rest = &bytes[usize::try_from(status.offset).unwrap()..];
        let sent = if share == 0 { &rest[..rest.len() / 2] } else { rest };
        let _ = self.plane.append(grant, *session, Append::at(status.offset), body(sent, 1_000)).await;
    }

    async fn put_small(&mut self) {
        let bytes = self.content();
        let (grant, _) = self.grant(bytes.len() as u64);
        let _ = self.plane.put_small(&grant, Bytes::from(bytes)).await;
    }

    /// As a node does it: listed, then what uploads may claim, then given up in the log, then deleted.
    async fn sweep_objects(&mut self) -> Result<(), Error> {
        let listed: Vec<Listed> = self.memory.list().await?.try_collect().await?;
        let uploading = outstanding(&self.memory).await?;
        let mut gone = Vec::new();
        {
            let mut log = self.control.log.lock().unwrap();
            for object in listed.into_iter().filter(|listed| listed.sealed).map(|listed| listed.key) {
                let unclaimed = !log.stored.contains_key(&object)
                    && !uploading.contains(&object)
                    && !may_be_claimed(&object, self.clock.now_ms());
                if unclaimed {
                    log.discarded.insert(object.clone());
                }
                if log.discarded.contains(&object) {
                    gone.push(object);
                }
            }
        }
        for object in gone {
            self.memory.delete(&object).await?;
        }
        Ok(())
    }

    /// All is well again, time passes, and it is tidied up.
    async fn settle(&mut self) {
        self.memory.faults().clear();
        self.control.faults.lock().unwrap().clear();
        self.restart();
        self.plane.redeliver().await.unwrap();
        for _ in 0..3 {
            self.clock.advance_ms(10 * 24 * HOUR_MS);
            self.plane.redeliver().await.unwrap();
            self.plane.sweep().await.unwrap();
            self.sweep_objects().await.unwrap();
        }
    }

    /// What is acknowledged is there.
    async fn check_stored(&self) {
        let faults = self.memory.faults().clear();
        drop(faults);
        let stored: Vec<Receipt> = self.control.log.lock().unwrap().stored.values().cloned().collect();
        for receipt in stored {
            let pieces = self.memory.read(&receipt.object, 0..u64::MAX).await;
            let pieces: Vec<Bytes> =
                pieces.expect("an acknowledged object is there").try_collect().await.unwrap();
            assert_eq!(
                Digests::of(&pieces.concat()),
                receipt.digests,
                "an acknowledged deposit keeps its bytes"
            );
        }
    }

    async fn check_tidy(&self) {
        let listed: Vec<Listed> = self.memory.list().await.unwrap().try_collect().await.unwrap();
        for kind in [Kind::Sessions, Kind::Receipts] {
            assert_eq!(self.memory.names(kind).await.unwrap(), [], "no document stays for ever");
        }
        let log = self.control.log.lock().unwrap();
        for listed in &listed {
            assert!(listed.sealed && log.stored.contains_key(&listed.key), "{listed:?} stays for ever");
        }
    }
}

fn plane(memory: &Memory, clock: &Arc<Manual>, control: &Arc<Control>) -> DataPlane {
    let store: Arc<dyn Store> = Arc::new(memory.clone());
    let store_name: StoreName = "main".parse().unwrap();
    DataPlane::open(Config {
        stores: HashMap::from([(store_name.clone(), store.clone())]),
        store,
        store_name,
        node: "node-1".parse().unwrap(),
        receipts: SigningKey::from_seed(KeyKind::Receipt, [2; 32]),
        keys: KeyRing::of([SigningKey::from_seed(KeyKind::Grant, [1; 32]).verifying_key()]).into(),
        clock: clock.clone(),
        deliver: control.clone(),
        bounds: Bounds::default(),
    })
}

async fn history(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..(4 + world.dice.below(24)) {
        world.step().await;
    }
    world.check_stored().await;
    world.settle().await;
    world.check_stored().await;
    world.check_tidy().await;
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn no_acknowledged_deposit_loses_its_bytes_and_nothing_unclaimed_stays() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |seed| {
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(history(seed))));
        if let Err(panic) = outcome {
            eprintln!("replay it with STRONGROOM_SIMULATION_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    };
    match from_environment("STRONGROOM_SIMULATION_SEED") {
        Some(seed) => run(seed),
        None => (0..from_environment("STRONGROOM_SIMULATION_RUNS").unwrap_or(3_000)).for_each(run),
    }
}
