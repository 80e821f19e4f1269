//! `[[webhook]]` in the settings file: who is told of events.
//!
//! ```toml
//! [[webhook]]
//! name = "deployments"                          # letters, digits and `-`; how far it is, is remembered by it
//! url = "https://deploy.example/strongroom"
//! secret-file = "/etc/strongroom/deployments.secret"   # `whsec_` and base64 of 24 to 64 bytes
//! events = ["pin.*", "hold.placed"]             # types; `*` at the end stands for any rest. All, if left out
//! repositories = ["acme/*"]                     # globs. All, and what is about none, if left out
//! timeout-seconds = 15                          # for one attempt
//! insecure = false                              # allows http to other machines
//! ```
//! - The URL is the operator's own word, so any https address will do, a private one too. Plain http is taken to this
//!   machine only, unless `insecure` says otherwise. No redirect is followed.
//! - A pattern that no event of this program matches is refused: it is misspelt.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{Error, parse};
use crate::kernel::event::Fact;
use crate::kernel::id::NodeName;
use crate::kernel::limits::{WEBHOOK_ATTEMPT_SECONDS, WEBHOOKS_MAX};

/// Who is told of which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Its name.
    pub name: String,
    /// Where events are sent.
    pub url: String,
    /// Where the secret is that signs them.
    pub secret_file: PathBuf,
    /// Types of events; empty for all.
    pub types: Vec<String>,
    /// Globs of repositories; empty for all, and for what is about none.
    pub repositories: Vec<String>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// What the file says of a webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WebhookSource {
    name: String,
    url: String,
    secret_file: PathBuf,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    repositories: Vec<String>,
    timeout_seconds: Option<u64>,
    #[serde(default)]
    insecure: bool,
}

/// All of them.
pub(super) fn resolve(sources: Vec<WebhookSource>) -> Result<Vec<WebhookSettings>, Error> {
    if sources.len() > WEBHOOKS_MAX {
        return Err(refused("", &format!("at most {WEBHOOKS_MAX} of them")));
    }
    let hooks: Vec<_> = sources.into_iter().map(one).collect::<Result<_, _>>()?;
    for (n, hook) in hooks.iter().enumerate() {
        if hooks[..n].iter().any(|other| other.name == hook.name) {
            return Err(refused(&hook.name, "two of them have this name"));
        }
    }
    Ok(hooks)
}

fn refused(name: &str, reason: &str) -> Error {
    Error::Value { place: format!("[[webhook]] {name}"), reason: reason.to_owned() }
}

fn one(source: WebhookSource) -> Result<WebhookSettings, Error> {
    // The same grammar as names of nodes and stores.
    let name: NodeName = parse("[[webhook]] name", &source.name)?;
    check_url(&source)?;
    let types = types(&source)?;
    let seconds = source.timeout_seconds.unwrap_or(WEBHOOK_ATTEMPT_SECONDS);
    if !(1..=WEBHOOK_ATTEMPT_SECONDS * 4).contains(&seconds) {
        return Err(refused(&source.name, "timeout-seconds is 1 to 60"));
    }
    Ok(WebhookSettings {
        name: name.to_string(),
        url: source.url,
        secret_file: source.secret_file,
        types,
        repositories: source.repositories,
        timeout: Duration::from_secs(seconds),
    })
}

fn check_url(source: &WebhookSource) -> Result<(), Error> {
    let no = |reason: &str| Err(refused(&source.name, reason));
    let Some((scheme, rest)) = source.url.split_once("://") else { return no("url is an absolute URL") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return no("url has no password in it: what is sent is signed");
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_here =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match scheme {
        _ if host.is_empty() => no("url has no host"),
        "https" => Ok(()),
        "http" if is_here || source.insecure => Ok(()),
        "http" => {
            no("url is https, unless it is on this machine; `insecure = true` allows http all the same")
        }
        _ => no("url is http or https"),
    }
}

/// The types that the patterns stand for.
fn types(source: &WebhookSource) -> Result<Vec<String>, Error> {
    let mut types = Vec::new();
    for pattern in &source.events {
        let matching: Vec<_> = match pattern.strip_suffix('*') {
            Some(start) => Fact::TYPES.iter().filter(|known| known.starts_with(start)).collect(),
            None => Fact::TYPES.iter().filter(|known| *known == pattern).collect(),
        };
        if matching.is_empty() {
            return Err(refused(&source.name, "events has a type that there is not"));
        }
        types.extend(matching.into_iter().map(|known| (*known).to_owned()));
    }
    types.sort_unstable();
    types.dedup();
    Ok(types)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(rest: &str) -> Result<WebhookSettings, Error> {
        let text = format!("name = \"deploy\"\nsecret-file = \"/s\"\n{rest}");
        one(toml::from_str(&text).expect("what the file may say"))
    }

    #[test]
    fn plain_http_leaves_this_machine_only_if_that_is_wanted() {
        for good in [
            "https://a.example/x",
            "https://10.0.0.1/",
            "http://localhost:1/x",
            "http://127.0.0.1",
            "http://[::1]:9/",
        ] {
            assert!(hook(&format!("url = \"{good}\"")).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://10.0.0.1/",
            "ftp://a",
            "a.example",
            "https://",
            "https://u:p@a.example/",
        ] {
            assert!(hook(&format!("url = \"{bad}\"")).is_err(), "{bad}");
        }
        assert!(hook("url = \"http://a.example\"\ninsecure = true").is_ok());
    }

    #[test]
    fn patterns_stand_for_the_types_that_there_are() {
        let types =
            |events: &str| hook(&format!("url = \"https://a\"\nevents = {events}")).map(|hook| hook.types);
        assert_eq!(types("[\"pin.*\", \"pin.set\"]").unwrap(), ["pin.released", "pin.set"]);
        assert_eq!(types("[]").unwrap(), Vec::<String>::new());
        assert!(types("[\"pin.moved\"]").is_err() && types("[\"pins.*\"]").is_err());
    }

    #[test]
    fn two_of_one_name_are_refused() {
        let source: WebhookSource =
            toml::from_str("name = \"a\"\nurl = \"https://a\"\nsecret-file = \"/s\"").unwrap();
        assert!(resolve(vec![source.clone()]).is_ok());
        assert!(resolve(vec![source.clone(), source]).is_err());
    }
}
