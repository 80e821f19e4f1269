//! A typed client of both planes. The command line is built on it; so may be any Rust program.
//!
//! - [`Client`] has one method for each call of the API; [`push`], [`pull`] and [`verify`] move whole packages.
//! - What comes back is checked: documents against the digest they were asked by, blobs as they are written.
//! - Requests are repeated, with growing waits, when the connection is lost or the server asks for patience (429 and
//!   503, `Retry-After`), and only where a repeat changes nothing.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use strongroom::client::Client;
//! let client = Client::new("http://127.0.0.1:7070", Some(std::env::var("STRONGROOM_TOKEN")?.into()))?;
//! for repository in client.repositories().await? {
//!     println!("{} {}", repository.name, repository.packages);
//! }
//! # Ok(()) }
//! ```

mod backoff;
mod control;
mod data;
mod document;
mod error;
pub mod events;
mod orders;
pub mod package;
mod pins;
mod policies;
pub mod progress;
pub mod pull;
pub mod push;
mod retention;
mod tiers;
mod transport;
pub mod tree;
pub mod verify;

pub use control::Condition;
pub use document::Package;
pub use error::Error;
pub use policies::Written;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};

use crate::kernel::limits::CLIENT_PATIENCE_SECONDS;
use crate::wire::secret::Secret;
pub(crate) use transport::Repeat;
use transport::Transport;

/// A client of one server. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    transport: Arc<Transport>,
    token: Option<Secret>,
}

impl Client {
    /// Of the server at `address`, such as `http://127.0.0.1:7070`, as the holder of `token` (or as nobody, who may
    /// read what is public). Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Address`] or [`Error::Setup`].
    pub fn new(address: &str, token: Option<Secret>) -> Result<Self, Error> {
        Self::with_patience(address, token, Duration::from_secs(CLIENT_PATIENCE_SECONDS))
    }

    /// As [`Self::new`], going on for another time when a server that had answered stops to.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_patience(address: &str, token: Option<Secret>, patience: Duration) -> Result<Self, Error> {
        Ok(Self { transport: Arc::new(Transport::new(address, patience)?), token })
    }

    /// The server's address, without a slash at its end.
    pub fn address(&self) -> &str {
        self.transport.base()
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// A request to the control plane or the log, in the caller's name.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.transport.resolve(path);
        let is_own = self.transport.is_own(&url);
        let request = self.transport.http().request(method, url);
        match &self.token {
            Some(token) if is_own => request.bearer_auth(token.reveal()),
            _ => request,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        repeat: Repeat,
        shape: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Error> {
        self.transport.send(repeat, |_| shape(self.request(method.clone(), path))).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.address()).finish_non_exhaustive()
    }
}
