//! The control plane, as a data node sees it: over HTTP, sometimes away.
//!
//! - **Enrolment**: the public halves of its keys, for receipts and reports, are recorded under the node's name. Asked again
//!   until it is done.
//! - **Keys**: all of them, replaced whole every few seconds, so that what was retired ends here too; at once, when a
//!   grant names one that is not known, though at most once in [`KEY_LOOKUP_MS`].
//! - **Receipts**: offered until the control plane has decided. It decides alike however often it is asked.
//! - **Orders**: asked for, never brought. Their reports are offered until the control plane has read them.
//! - **Objects**: what the log says of those that lie here, and which may go.
//! - The token is read from its file each time, so one that is exchanged there is taken up without a restart.
//!
//! Each call is made once: whoever needs it makes it again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::sweep::{GivenUp, Registrar, SweepError};
use super::{Error, files};
use crate::client::{self, Client};
use crate::contract::{KeyRing, SharedRing, VerifyingKey};
use crate::control::objects::Judgement;
use crate::data::{Deliver, Disposition, Undelivered};
use crate::kernel::id::{KeyId, NodeName, ObjectKey, OrderId, StoreName};
use crate::kernel::limits::{CONTROL_ANSWER_SECONDS, KEY_LOOKUP_MS};
use crate::wire::key::{AddKey, KeyEntry};
use crate::wire::order::{JudgedObject, JudgedObjects, NameObjects, TakeOrders};
use crate::wire::secret::Secret;

/// The way to the control plane.
pub(super) struct Link {
    url: String,
    token_file: PathBuf,
    node: NodeName,
    ring: SharedRing,
    /// The keys to be recorded.
    held: OnceLock<Vec<VerifyingKey>>,
    answered: AtomicBool,
    state: Mutex<State>,
    /// One that asks at a time.
    asking: tokio::sync::Mutex<()>,
}

/// How it stands.
struct State {
    client: (Option<String>, Client),
    /// Why the keys are not as they are now.
    keys: Option<String>,
    /// Why nobody believes this node.
    enrolled: Option<String>,
    looked_up: Option<Instant>,
}

impl Link {
    pub(super) fn new(
        url: &str,
        token_file: PathBuf,
        node: NodeName,
        ring: SharedRing,
    ) -> Result<Self, Error> {
        let client = Client::with_patience(url, None, Duration::ZERO).map_err(Error::ControlUrl)?;
        let unknown = || Some("the control plane was not asked yet".to_owned());
        let state = State { client: (None, client), keys: unknown(), enrolled: unknown(), looked_up: None };
        let (held, answered) = (OnceLock::new(), AtomicBool::new(false));
        let (state, asking) = (Mutex::new(state), tokio::sync::Mutex::new(()));
        Ok(Self { url: url.to_owned(), token_file, node, ring, held, answered, state, asking })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client, as the holder of the token that is in the file now.
    fn client(&self) -> Result<Client, String> {
        let path = self.token_file.display();
        let token = files::read(&self.token_file).map_err(|error| error.to_string())?.ok_or_else(|| {
            let node = &self.node;
            format!("{path} is not there: put a token into it that `strongroom token mint --scope node:{node}` made")
        })?;
        let token = token.trim().to_owned();
        let mut state = self.state();
        if state.client.0.as_ref() != Some(&token) {
            let secret = Some(Secret::new(token.clone()));
            let client = Client::with_patience(&self.url, secret, Duration::ZERO).map_err(told)?;
            state.client = (Some(token), client);
        }
        Ok(state.client.1.clone())
    }

    /// The keys of this node that have to be recorded.
    pub(super) fn hold(&self, keys: Vec<VerifyingKey>) {
        self.held.set(keys).expect("held once");
    }

    /// Whether it ever told its keys.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Acquire)
    }

    /// What is missing, for people.
    pub(super) fn lacks(&self) -> Vec<String> {
        let state = self.state();
        let keys = state.keys.iter().map(|why| format!("keys of the control plane at {}: {why}", self.url));
        let enrolled = state.enrolled.iter().map(|why| format!("enrolment of node {}: {why}", self.node));
        keys.chain(enrolled).collect()
    }

    /// Keys of this node that were retired; none, if nobody can be asked.
    pub(super) async fn retired_keys(&self) -> Vec<KeyId> {
        let keys = self.ask_keys().await.unwrap_or_default();
        let ours = keys.into_iter().filter(|key| key.node == self.node && key.retired_at.is_some());
        ours.map(|key| key.key).collect()
    }

    async fn ask_keys(&self) -> Result<Vec<KeyEntry>, String> {
        // Keys are public: a node without a token knows them too.
        let client = self.state().client.1.clone();
        within(client.keys()).await
    }

    /// Asks for the keys, and to be enrolled if that is not done.
    pub(super) async fn refresh(&self) {
        let _one = self.asking.lock().await;
        let keys = match self.ask_keys().await {
            Ok(keys) => {
                self.ring.replace(ring(&keys));
                self.answered.store(true, Ordering::Release);
                None
            }
            Err(error) => Some(error),
        };
        let enrolled = match self.held.get() {
            Some(_) if self.is_recorded() => None,
            Some(held) if keys.is_none() => self.enroll(held).await.err(),
            _ => keys.clone(),
        };
        let mut state = self.state();
        if (&state.keys, &state.enrolled) != (&keys, &enrolled) {
            match keys.as_ref().or(enrolled.as_ref()) {
                None => tracing::info!(
                    control = self.url,
                    "enrolled, and the keys of the control plane are known"
                ),
                Some(lacks) => tracing::warn!(control = self.url, lacks, "waiting for the control plane"),
            }
        }
        (state.keys, state.enrolled) = (keys, enrolled);
    }

    fn is_recorded(&self) -> bool {
        let known = self.ring.current();
        self.held.get().is_some_and(|held| held.iter().all(|key| known.get(&key.id()).is_some()))
    }

    async fn enroll(&self, held: &[VerifyingKey]) -> Result<(), String> {
        use base64::Engine as _;
        for key in held {
            let public = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.public());
            let request = AddKey { kind: key.kind().to_string(), public, node: self.node.clone() };
            within(self.client()?.add_key(&request)).await?;
        }
        Ok(())
    }

    /// Asks for the keys because one is met that is not known. Strangers cannot make it ask all the time. Whether the
    /// keys are as they are now.
    pub(super) async fn refresh_for_stranger(&self) -> bool {
        {
            let mut state = self.state();
            let now = Instant::now();
            let recent = |at: Instant| now.duration_since(at) < Duration::from_millis(KEY_LOOKUP_MS);
            if state.looked_up.is_some_and(recent) {
                return state.keys.is_none();
            }
            state.looked_up = Some(now);
        }
        self.refresh().await;
        self.state().keys.is_none()
    }
}

/// Orders and reports.
impl Link {
    /// The orders for this node, as soon as there are any; none after a while.
    pub(super) async fn next_orders(
        &self,
        stores: &[StoreName],
        in_hand: &[OrderId],
    ) -> Result<Vec<String>, String> {
        let (node, stores, in_hand) = (self.node.clone(), stores.to_vec(), in_hand.to_vec());
        let request = TakeOrders { node, stores, in_hand };
        let taken = within(self.client()?.take_orders(&request)).await?;
        Ok(taken.orders.iter().map(|order| order.reveal().to_owned()).collect())
    }

    /// Hands over a report. One that the control plane reads and refuses is done with too.
    pub(super) async fn hand_over_report(&self, report: &str) -> Result<(), String> {
        let client = self.client()?;
        let offered = async {
            match client.hand_over_report(report).await {
                Err(error) if error.code() == Some("report-invalid") => {
                    tracing::error!(%error, "the control plane refuses a report");
                    Ok(())
                }
                outcome => outcome.map(drop),
            }
        };
        within(offered).await
    }

    fn naming(&self, store: &StoreName, objects: &[ObjectKey]) -> NameObjects {
        NameObjects { node: self.node.clone(), store: store.clone(), objects: objects.to_vec() }
    }
}

#[async_trait]
impl Registrar for Link {
    async fn judge(&self, store: &StoreName, objects: &[ObjectKey]) -> Result<Vec<Judgement>, SweepError> {
        let client = self.client().map_err(SweepError::Control)?;
        let answer = within(client.judge_objects(&self.naming(store, objects))).await;
        let judged = answered(answer.map_err(SweepError::Control)?, objects)?;
        Ok(judged.into_iter().map(|(judgement, _)| judgement).collect())
    }

    async fn give_up(&self, store: &StoreName, objects: &[ObjectKey]) -> Result<Vec<GivenUp>, SweepError> {
        let client = self.client().map_err(SweepError::Control)?;
        let answer = within(client.give_up_objects(&self.naming(store, objects))).await;
        let given_up = answered(answer.map_err(SweepError::Control)?, objects)?;
        // The key of the orders may have been made for them.
        self.refresh().await;
        Ok(given_up)
    }

    async fn report(&self, text: &str) -> Result<(), SweepError> {
        self.hand_over_report(text).await.map_err(SweepError::Control)
    }
}

/// One answer for each object, or none is believed.
fn answered(answer: JudgedObjects, objects: &[ObjectKey]) -> Result<Vec<GivenUp>, SweepError> {
    let strange = || SweepError::Control("the control plane answered what is not understood".to_owned());
    if answer.objects.len() != objects.len() {
        return Err(strange());
    }
    let read = |one: JudgedObject| {
        let judgement = Judgement::from_name(&one.judgement, one.position).ok_or_else(strange)?;
        Ok::<GivenUp, SweepError>((judgement, one.order.map(|order| order.reveal().to_owned())))
    };
    answer.objects.into_iter().map(read).collect()
}

#[async_trait]
impl Deliver for Link {
    async fn deliver(&self, receipt: &str) -> Result<Disposition, Undelivered> {
        let client = self.client().map_err(Undelivered)?;
        match within(client.hand_over_receipt(receipt)).await {
            Ok(taken) if taken.discarded => Ok(Disposition::Discarded),
            Ok(_) => Ok(Disposition::Accepted),
            Err(error) => Err(Undelivered(error)),
        }
    }
}

/// Verifying keys of what the control plane told. What is no key verifies nothing.
fn ring(keys: &[KeyEntry]) -> KeyRing {
    use base64::Engine as _;
    let key = |entry: &KeyEntry| {
        let public = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&entry.public).ok()?;
        let key = VerifyingKey::from_public(entry.kind.parse().ok()?, &public.try_into().ok()?)?;
        Some(match entry.retired_at {
            Some(at) => key.retired(at.as_ms()),
            None => key,
        })
    };
    KeyRing::of(keys.iter().filter_map(key))
}

/// An answer that does not come is an error like any other.
async fn within<T>(answer: impl Future<Output = Result<T, client::Error>>) -> Result<T, String> {
    match tokio::time::timeout(Duration::from_secs(CONTROL_ANSWER_SECONDS), answer).await {
        Ok(answer) => answer.map_err(told),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err passes it")]
fn told(error: client::Error) -> String {
    error.to_string()
}
