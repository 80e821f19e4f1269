//! One attempt to tell someone of an event.

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::redirect;

use super::signature::Secret;
use crate::log::Recorded;
use crate::wire::cloud_event::CloudEvent;
use crate::wire::event::EventEntry;

/// CloudEvents 1.0.2, HTTP binding, structured mode.
const MEDIA_TYPE: &str = "application/cloudevents+json";

/// Why it was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("answered with {0}")]
    Status(u16),
    #[error("did not answer in time")]
    TimedOut,
    #[error("was not reached: {0}")]
    Unreached(String),
}

/// Where events go.
pub(super) struct Receiver {
    http: reqwest::Client,
    url: String,
    secret: Secret,
    log_name: String,
}

impl Receiver {
    pub(super) fn new(
        url: &str,
        secret: Secret,
        log_name: &str,
        timeout: Duration,
    ) -> Result<Self, reqwest::Error> {
        // Who else has installed a provider in this process has chosen one; that is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .timeout(timeout)
        };
        let http = match builder().build() {
            Ok(http) => http,
            // A machine without any certificate can still speak plain http.
            Err(_) if url.starts_with("http://") => builder().tls_certs_only([]).build()?,
            Err(error) => return Err(error),
        };
        Ok(Self { http, url: url.to_owned(), secret, log_name: log_name.to_owned() })
    }

    /// Sends it once.
    pub(super) async fn send(&self, recorded: &Recorded) -> Result<(), Failed> {
        let entry = EventEntry::new(recorded.position, &recorded.event);
        let event = CloudEvent::new(&self.log_name, entry);
        let body = serde_json::to_vec(&event).expect("an event is plain data");
        // The receiver compares it with its own clock, so it is that of the machine and of this attempt.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let signature = self.secret.sign(&event.id, now, &body);
        let request = self
            .http
            .post(&self.url)
            .header("content-type", MEDIA_TYPE)
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", now.to_string())
            .header("webhook-signature", signature)
            .body(body);
        let response = request.send().await.map_err(|error| {
            if error.is_timeout() { Failed::TimedOut } else { Failed::Unreached(reason(&error)) }
        })?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(Failed::Status(status.as_u16())) }
    }
}

/// The innermost cause, without the address, which settings have.
fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "no connection".to_owned(), ToString::to_string)
}
