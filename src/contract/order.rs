//! An order: the control plane wants something done with an object.
//!
//! ```text
//! claims = { "aud": "strongroom-data", "jti": uuid, "iat": seconds, "exp": seconds, "store": text, "object": text,
//!            ? "verify": { "blake3": digest, "sha256": digest, "size": uint },
//!            ? "delete": { "discarded_at": uint (position) },
//!            ? "move": { "blake3": digest, "sha256": digest, "size": uint, "to_store": text, "to_object": text },
//!            ? "restore": { "days": uint } }
//! ```
//! - An object is read again to its end, deleted, copied to another store, or made readable: one of these. A deletion names
//!   the event by which the log gave the object up (`object.discarded`); there is no order to delete what the log has not.
//! - A move leaves the object where it is, and makes a second one of the same bytes, under a fresh key that stands in the
//!   order: so nothing is lost if it is cut off, and obeying it again finds what was made.
//! - A restoration is asked for where a store keeps objects that have to be fetched before they can be read. The same order
//!   asks how far it is.
//! - Obeying one twice is harmless: object keys are never used again.
//! - After `exp` nobody begins with it. Whoever has begun ends it.

use serde::{Deserialize, Serialize};

use super::Error;
use super::jws::{self, Kind};
use super::keys::{KeyRing, SigningKey};
use crate::kernel::digest::{Blake3, Digests, Sha256};
use crate::kernel::event::KeyKind;
use crate::kernel::id::{ObjectKey, OrderId, StoreName};
use crate::kernel::limits::{BLOB_MAX_BYTES, CLOCK_SKEW_SECONDS, ORDER_LIFE_SECONDS, RESTORE_DAYS_MAX};

/// `aud`: the plane that obeys orders.
const AUDIENCE: &str = "strongroom-data";

const KIND: Kind = Kind { typ: "strongroom-order+jwt", name: "order", key: KeyKind::Order };

/// Something to be done with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Unique; the report names it.
    pub id: OrderId,
    /// The store that has the object.
    pub store: StoreName,
    /// Which object.
    pub object: ObjectKey,
    /// When it was signed, seconds since the epoch.
    pub issued_at_seconds: u64,
    /// Until when it may be begun, seconds since the epoch; at most [`ORDER_LIFE_SECONDS`] later.
    pub expires_at_seconds: u64,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// To read it again, and see whether it is still this.
    Verify(Verify),
    /// To delete it.
    Delete(Delete),
    /// To copy it to another store.
    Move(Move),
    /// To make it readable, where that takes a retrieval.
    Restore(Restore),
}

/// What an object has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verify {
    /// Both digests of its bytes.
    pub digests: Digests,
    /// How many bytes.
    pub size_bytes: u64,
}

/// Why an object may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete {
    /// The event that gave it up: place in the log.
    pub discarded_at: u64,
}

/// Where an object is copied to, and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Both digests of its bytes.
    pub digests: Digests,
    /// How many bytes.
    pub size_bytes: u64,
    /// The store that gets the copy.
    pub to_store: StoreName,
    /// The key of the copy, made for this move.
    pub to_object: ObjectKey,
}

/// For how long an object is to be readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restore {
    /// Days from when it is; 1 to [`RESTORE_DAYS_MAX`].
    pub days: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    aud: String,
    jti: OrderId,
    iat: u64,
    exp: u64,
    store: StoreName,
    object: ObjectKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<VerifyClaims>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete: Option<DeleteClaims>,
    #[serde(rename = "move", skip_serializing_if = "Option::is_none")]
    moved: Option<MoveClaims>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore: Option<RestoreClaims>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyClaims {
    blake3: Blake3,
    sha256: Sha256,
    size: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteClaims {
    discarded_at: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveClaims {
    blake3: Blake3,
    sha256: Sha256,
    size: u64,
    to_store: StoreName,
    to_object: ObjectKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoreClaims {
    days: u32,
}

impl Order {
    /// The stores that whoever obeys it has to have: of a move both.
    pub fn stores(&self) -> impl Iterator<Item = &StoreName> {
        let other = match &self.task {
            Task::Move(task) => Some(&task.to_store),
            Task::Verify(_) | Task::Delete(_) | Task::Restore(_) => None,
        };
        std::iter::once(&self.store).chain(other)
    }

    /// As a signed statement.
    ///
    /// # Panics
    /// If the key is not an order key.
    pub fn sign(&self, key: &SigningKey) -> String {
        let mut claims = Claims {
            aud: AUDIENCE.into(),
            jti: self.id,
            iat: self.issued_at_seconds,
            exp: self.expires_at_seconds,
            store: self.store.clone(),
            object: self.object.clone(),
            verify: None,
            delete: None,
            moved: None,
            restore: None,
        };
        claims.set(&self.task);
        jws::sign(&KIND, &claims, key)
    }

    /// Reads a signed order and checks all of it, at this time (ms since the epoch).
    ///
    /// # Errors
    /// With what is wrong.
    pub fn verify(text: &str, keys: &KeyRing, now_ms: u64) -> Result<Self, Error> {
        let (claims, key) = jws::open::<Claims>(&KIND, text, keys)?;
        if claims.aud != AUDIENCE {
            return Err(Error::WrongAudience(AUDIENCE));
        }
        if key.retired_at_ms().is_some_and(|at_ms| claims.iat.saturating_mul(1_000) > at_ms) {
            return Err(Error::RetiredKey(key.id()));
        }
        let now_seconds = now_ms / 1_000;
        if claims.iat > now_seconds.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Error::Malformed("issued in the future"));
        }
        if claims.exp > claims.iat.saturating_add(ORDER_LIFE_SECONDS) {
            return Err(Error::Malformed("lives longer than an order may"));
        }
        if now_seconds > claims.exp.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Error::Expired(now_seconds - claims.exp));
        }
        let task = claims.task()?;
        Ok(Self {
            id: claims.jti,
            store: claims.store,
            object: claims.object,
            issued_at_seconds: claims.iat,
            expires_at_seconds: claims.exp,
            task,
        })
    }
}

impl Claims {
    fn set(&mut self, task: &Task) {
        match task {
            Task::Verify(Verify { digests: Digests { blake3, sha256 }, size_bytes }) => {
                self.verify = Some(VerifyClaims { blake3: *blake3, sha256: *sha256, size: *size_bytes });
            }
            Task::Delete(Delete { discarded_at }) => {
                self.delete = Some(DeleteClaims { discarded_at: *discarded_at });
            }
            Task::Move(Move { digests: Digests { blake3, sha256 }, size_bytes, to_store, to_object }) => {
                self.moved = Some(MoveClaims {
                    blake3: *blake3,
                    sha256: *sha256,
                    size: *size_bytes,
                    to_store: to_store.clone(),
                    to_object: to_object.clone(),
                });
            }
            Task::Restore(Restore { days }) => self.restore = Some(RestoreClaims { days: *days }),
        }
    }

    /// The one thing that is to be done.
    fn task(&self) -> Result<Task, Error> {
        let of_size = |size: u64| match size {
            0..=BLOB_MAX_BYTES => Ok(size),
            _ => Err(Error::Malformed("larger than a blob may be")),
        };
        match (&self.verify, &self.delete, &self.moved, &self.restore) {
            (Some(VerifyClaims { blake3, sha256, size }), None, None, None) => {
                let digests = Digests { blake3: *blake3, sha256: *sha256 };
                Ok(Task::Verify(Verify { digests, size_bytes: of_size(*size)? }))
            }
            (None, Some(DeleteClaims { discarded_at }), None, None) => {
                Ok(Task::Delete(Delete { discarded_at: *discarded_at }))
            }
            (None, None, Some(MoveClaims { to_object, .. }), None) if *to_object == self.object => {
                Err(Error::Malformed("a move is to a key of its own"))
            }
            (None, None, Some(MoveClaims { blake3, sha256, size, to_store, to_object }), None) => {
                Ok(Task::Move(Move {
                    digests: Digests { blake3: *blake3, sha256: *sha256 },
                    size_bytes: of_size(*size)?,
                    to_store: to_store.clone(),
                    to_object: to_object.clone(),
                }))
            }
            (None, None, None, Some(RestoreClaims { days })) if !(1..=RESTORE_DAYS_MAX).contains(days) => {
                Err(Error::Malformed("for no day, or too many"))
            }
            (None, None, None, Some(RestoreClaims { days })) => Ok(Task::Restore(Restore { days: *days })),
            _ => Err(Error::Malformed("one thing to do, neither none nor two")),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW_MS: u64 = 1_790_000_000_000;

    fn order(task: Task) -> Order {
        Order {
            id: OrderId(Uuid::from_u128(1)),
            store: "main".parse().unwrap(),
            object: ObjectKey::from_uuid(Uuid::from_u128(2)),
            issued_at_seconds: NOW_MS / 1_000,
            expires_at_seconds: NOW_MS / 1_000 + ORDER_LIFE_SECONDS,
            task,
        }
    }

    fn verify() -> Task {
        Task::Verify(Verify { digests: Digests::of(b"x"), size_bytes: 1 })
    }

    fn delete() -> Task {
        Task::Delete(Delete { discarded_at: 7 })
    }

    fn moved() -> Task {
        Task::Move(Move {
            digests: Digests::of(b"x"),
            size_bytes: 1,
            to_store: "cold".parse().unwrap(),
            to_object: ObjectKey::from_uuid(Uuid::from_u128(3)),
        })
    }

    const fn restore(days: u32) -> Task {
        Task::Restore(Restore { days })
    }

    #[test]
    fn an_order_comes_out_as_it_went_in_until_it_is_too_old_to_begin() {
        let key = SigningKey::generate(KeyKind::Order);
        let ring = KeyRing::of([key.verifying_key()]);
        for task in [verify(), delete(), moved(), restore(1), restore(RESTORE_DAYS_MAX)] {
            let order = order(task);
            let text = order.sign(&key);
            assert_eq!(Order::verify(&text, &ring, NOW_MS), Ok(order));
            let late_ms = NOW_MS + (ORDER_LIFE_SECONDS + CLOCK_SKEW_SECONDS + 1) * 1_000;
            assert_eq!(Order::verify(&text, &ring, late_ms), Err(Error::Expired(CLOCK_SKEW_SECONDS + 1)));
        }
    }

    #[test]
    fn no_other_key_orders_anything() {
        let text = order(delete()).sign(&SigningKey::generate(KeyKind::Order));
        for kind in KeyKind::ALL {
            let ring = KeyRing::of([SigningKey::generate(kind).verifying_key()]);
            assert!(matches!(Order::verify(&text, &ring, NOW_MS), Err(Error::UnknownKey(_))), "{kind}");
        }
    }

    #[test]
    fn an_order_that_lives_too_long_or_comes_from_the_future_is_refused() {
        let key = SigningKey::generate(KeyKind::Order);
        let ring = KeyRing::of([key.verifying_key()]);
        let long = Order { expires_at_seconds: NOW_MS / 1_000 + ORDER_LIFE_SECONDS + 1, ..order(delete()) };
        let early = Order { issued_at_seconds: NOW_MS / 1_000 + CLOCK_SKEW_SECONDS + 1, ..order(delete()) };
        for order in [long, early] {
            assert!(matches!(Order::verify(&order.sign(&key), &ring, NOW_MS), Err(Error::Malformed(_))));
        }
    }

    #[test]
    fn what_no_node_could_do_rightly_is_no_order() {
        let key = SigningKey::generate(KeyKind::Order);
        let ring = KeyRing::of([key.verifying_key()]);
        let Task::Move(good) = moved() else { panic!("a move") };
        let onto_itself = ObjectKey::from_uuid(Uuid::from_u128(2));
        for task in [
            restore(0),
            restore(RESTORE_DAYS_MAX + 1),
            Task::Move(Move { to_object: onto_itself, ..good.clone() }),
            Task::Move(Move { size_bytes: BLOB_MAX_BYTES + 1, ..good }),
        ] {
            let text = order(task.clone()).sign(&key);
            assert!(matches!(Order::verify(&text, &ring, NOW_MS), Err(Error::Malformed(_))), "{task:?}");
        }
    }

    #[test]
    fn nothing_to_do_and_two_things_to_do_are_no_orders() {
        let key = SigningKey::generate(KeyKind::Order);
        let ring = KeyRing::of([key.verifying_key()]);
        let tasks = [verify(), delete(), moved(), restore(1)];
        let claims = |wanted: &[usize]| {
            let mut claims = Claims {
                aud: AUDIENCE.into(),
                jti: OrderId(Uuid::from_u128(1)),
                iat: NOW_MS / 1_000,
                exp: NOW_MS / 1_000,
                store: "main".parse().unwrap(),
                object: ObjectKey::from_uuid(Uuid::from_u128(2)),
                verify: None,
                delete: None,
                moved: None,
                restore: None,
            };
            wanted.iter().for_each(|at| claims.set(&tasks[*at]));
            claims
        };
        for wanted in [&[][..], &[0, 1], &[0, 2], &[0, 3], &[1, 2], &[1, 3], &[2, 3], &[0, 1, 2, 3]] {
            let text = jws::sign(&KIND, &claims(wanted), &key);
            assert!(matches!(Order::verify(&text, &ring, NOW_MS), Err(Error::Malformed(_))), "{wanted:?}");
        }
    }
}
