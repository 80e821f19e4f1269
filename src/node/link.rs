//! The control plane, as a data node sees it: over HTTP, sometimes away.
//!
//! - **Enrolment**: the public half of the receipt key is recorded under the node's name. Asked again until it is done.
//! - **Keys**: all of them, replaced whole every few seconds, so that what was retired ends here too; at once, when a
//!   grant names one that is not known, though at most once in [`KEY_LOOKUP_MS`].
//! - **Receipts**: offered until the control plane has decided. It decides alike however often it is asked.
//! - The token is read from its file each time, so one that is exchanged there is taken up without a restart.
//!
//! Each call is made once: whoever needs it makes it again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Error, files};
use crate::client::{self, Client};
use crate::contract::{KeyRing, SharedRing, VerifyingKey};
use crate::data::{Deliver, Disposition, Undelivered};
use crate::kernel::event::KeyKind;
use crate::kernel::id::{KeyId, NodeName};
use crate::kernel::limits::{CONTROL_ANSWER_SECONDS, KEY_LOOKUP_MS};
use crate::wire::key::{AddKey, KeyEntry};
use crate::wire::secret::Secret;

/// The way to the control plane.
pub(super) struct Link {
    url: String,
    token_file: PathBuf,
    node: NodeName,
    ring: SharedRing,
    /// The key to be recorded.
    held: OnceLock<VerifyingKey>,
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

    /// The key of this node that has to be recorded.
    pub(super) fn hold(&self, key: VerifyingKey) {
        self.held.set(key).expect("held once");
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

    /// Receipt keys of this node that were retired; none, if nobody can be asked.
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
            Some(key) if keys.is_none() => self.enroll(key).await.err(),
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
        self.held.get().is_some_and(|key| self.ring.current().get(&key.id()).is_some())
    }

    async fn enroll(&self, key: &VerifyingKey) -> Result<(), String> {
        use base64::Engine as _;
        let public = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.public());
        let request = AddKey { kind: KeyKind::Receipt.to_string(), public, node: self.node.clone() };
        within(self.client()?.add_key(&request)).await.map(drop)
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
