//! One request and its answer: repeats, patience, problems.
//!
//! - Only what may be repeated is: reads, and changes that the server takes once however often they come.
//! - A server that never answered is not waited for: the address is wrong, or nothing runs there.
//! - The API token goes to the control plane only; the data plane gets grants. Redirects are not followed, so neither
//!   can be carried elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;

use super::backoff::Backoff;
use super::error::Error;
use crate::kernel::limits::{CLIENT_ANSWER_MAX_BYTES, CLIENT_STALL_SECONDS, CLIENT_TRANSFERS_MAX};
use crate::wire::problem::Problem;

/// Seconds for a connection to be made; a host that is up takes far less, one that is filtered never answers.
const CONNECT_SECONDS: u64 = 10;

/// Bytes of a problem document that are read; ours name at most a manifest's blobs.
const PROBLEM_MAX_BYTES: usize = 2 * 1024 * 1024;

/// Whether a request may be sent again when it is not known whether it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The server takes it once however often it comes.
    Safe,
    /// Only if it certainly did not arrive.
    Unsafe,
    /// Not here: who sends it may have another place to send it to.
    Elsewhere,
}

/// Connections to one server.
pub(crate) struct Transport {
    http: reqwest::Client,
    base: String,
    patience: Duration,
    answered: AtomicBool,
}

impl Transport {
    /// To a server at `address`, such as `http://127.0.0.1:7070`.
    pub(crate) fn new(address: &str, patience: Duration) -> Result<Self, Error> {
        let wrong = || Error::Address { address: address.to_owned() };
        let url = reqwest::Url::parse(address).map_err(|_| wrong())?;
        let host = url.host_str().ok_or_else(wrong)?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong());
        }
        // Who else has installed a provider in this process has chosen one; that is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
                .pool_max_idle_per_host(2 * CLIENT_TRANSFERS_MAX)
                .tcp_nodelay(true);
            if is_loopback(host) { builder.no_proxy() } else { builder }
        };
        let http = match (builder().build(), url.scheme()) {
            (Ok(http), _) => http,
            // A machine without any certificate can still speak plain http.
            (Err(_), "http") => {
                builder().tls_certs_only([]).build().map_err(|error| setup(address, &error))?
            }
            (Err(error), _) => return Err(setup(address, &error)),
        };
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { http, base, patience, answered: AtomicBool::new(false) })
    }

    /// The address, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Whether that is an address of this server: not of a data plane elsewhere, nor of a port that begins alike.
    pub(crate) fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.base).is_some_and(|path| path.is_empty() || path.starts_with('/'))
    }

    /// The connections themselves, to build requests with.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A fresh count of tries.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.patience)
    }

    /// `href` as an answer gave it: absolute, or relative to the address.
    pub(crate) fn resolve(&self, href: &str) -> String {
        if href.starts_with('/') { format!("{}{href}", self.base) } else { href.to_owned() }
    }

    /// Sends, repeats while that may help, and gives back a successful answer.
    pub(crate) async fn send(
        &self,
        repeat: Repeat,
        build: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response, Error> {
        let mut backoff = self.backoff();
        loop {
            let request = build(&self.http).timeout(Duration::from_secs(CLIENT_STALL_SECONDS));
            let error = match self.send_once(request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let again = match repeat {
                Repeat::Safe => error.is_transient(),
                Repeat::Unsafe => error.is_transient() && !matches!(error, Error::Lost { .. }),
                Repeat::Elsewhere => false,
            };
            if !again || !backoff.wait(error.retry_after()).await {
                return Err(error);
            }
        }
    }

    /// Sends once. An answer that is not a success is an error.
    pub(crate) async fn send_once(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = self.send_unfollowed(request).await?;
        if response.status() == StatusCode::TEMPORARY_REDIRECT {
            return Err(self.refused(response).await);
        }
        Ok(response)
    }

    /// Sends once. A temporary redirect is an answer, for who follows it on terms of their own.
    pub(crate) async fn send_unfollowed(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        self.answered.store(true, Ordering::Relaxed);
        let status = response.status();
        let is_answer = status.is_success()
            || [StatusCode::NOT_MODIFIED, StatusCode::TEMPORARY_REDIRECT].contains(&status);
        if is_answer { Ok(response) } else { Err(self.refused(response).await) }
    }

    /// A request that got no answer, or a body that broke off.
    pub(crate) fn failed(&self, error: &reqwest::Error) -> Error {
        // The data plane may be elsewhere. Its address alone: the rest of a link may hold a grant.
        let elsewhere = error.url().filter(|url| !self.is_own(url.as_str()));
        let address = elsewhere.map_or_else(|| self.base.clone(), |url| url.origin().ascii_serialization());
        let reason = innermost(error);
        if error.is_connect() && !self.answered.load(Ordering::Relaxed) {
            Error::Unreachable { address, reason }
        } else {
            Error::Lost { address, reason }
        }
    }

    /// An answer that the API does not have.
    pub(crate) fn unexpected(&self, what: impl Into<String>) -> Error {
        Error::Unexpected { address: self.base.clone(), what: what.into() }
    }

    async fn refused(&self, response: Response) -> Error {
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let location =
            response.headers().get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
        if let (true, Some(location)) = (status.is_redirection(), location) {
            return self.unexpected(format!("a redirect to {location}; give that address instead"));
        }
        let body = self.read(response, PROBLEM_MAX_BYTES).await.unwrap_or_default();
        let problem = serde_json::from_slice(&body).unwrap_or_else(|_| {
            // Not ours: a proxy's page, or a HEAD without a body.
            Problem::new(status.as_u16(), "", status.canonical_reason().unwrap_or("refused"), "")
        });
        Error::Problem { problem: Box::new(problem), retry_after }
    }

    /// A whole body of at most so many bytes.
    pub(crate) async fn read(&self, mut response: Response, max: usize) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + part.len() > max {
                return Err(self.unexpected(format!("more than {max} bytes")));
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    }

    /// A JSON body.
    pub(crate) async fn json<T: DeserializeOwned>(&self, response: Response) -> Result<T, Error> {
        let body = self.read(response, CLIENT_ANSWER_MAX_BYTES).await?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(error.to_string()))
    }
}

impl Error {
    /// How long the server asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn setup(address: &str, error: &reqwest::Error) -> Error {
    Error::Setup { address: address.to_owned(), reason: innermost(error) }
}

/// A proxy that the environment names is no way to this machine itself.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The cause at the bottom, which is the one that says something.
fn innermost(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for bad in ["", "localhost:7070", "ftp://host", "http://", "http://host/?x=1", "7070"] {
            let error = Transport::new(bad, Duration::ZERO).err().expect(bad);
            assert!(error.to_string().contains("http://host:port"), "{error}");
        }
        let transport = Transport::new("http://host:1/prefix/", Duration::ZERO).unwrap();
        assert_eq!(transport.resolve("/data/uploads"), "http://host:1/prefix/data/uploads");
        assert_eq!(transport.resolve("https://data/x"), "https://data/x");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_not_waited_for() {
        let transport = Transport::new("http://127.0.0.1:1", Duration::from_secs(3_600)).unwrap();
        let error = transport.send(Repeat::Safe, |http| http.get("http://127.0.0.1:1/")).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("strongroom serve"));
    }
}
