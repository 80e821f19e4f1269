//! Which server, and as whom.
//!
//! 1. `--url` or `STRONGROOM_URL`; 2. what `strongroom login` saved; 3. the service that runs on this machine with
//!    the default state directory, or the one in `STRONGROOM_STATE_DIR` (it writes `service.json` and `admin.token` there); 4. the default address.
//!
//! A token goes only where it is meant to: `STRONGROOM_TOKEN` to whatever address applies, a saved one to the address
//! that it was saved with, the admin token of this machine to the service on it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::Global;
use super::config::{self, Config};
use crate::client::Client;
use crate::postgres::default_state_dir;
use crate::wire::secret::Secret;

/// Where `serve` listens unless it is told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:7070";

/// A server and a token for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) url: String,
    pub(super) token: Option<Secret>,
}

/// What there is to choose from.
#[derive(Debug, Default)]
struct Given {
    url: Option<String>,
    token: Option<Secret>,
    saved: Config,
    local: Option<Local>,
}

/// The service on this machine.
#[derive(Debug)]
struct Local {
    url: String,
    token: Option<Secret>,
}

/// A client of the server that applies.
pub(super) fn client(global: &Global) -> anyhow::Result<Client> {
    let Found { url, token } = find(global)?;
    Ok(Client::new(&url, token)?)
}

/// The server that applies.
pub(super) fn find(global: &Global) -> anyhow::Result<Found> {
    let saved = config::path().map_or_else(|| Ok(Config::default()), |path| Config::load(&path))?;
    let token = std::env::var("STRONGROOM_TOKEN").ok().filter(|token| !token.is_empty());
    let local = state_dir().and_then(|directory| local(&directory));
    let url = global.url.clone().filter(|url| !url.is_empty());
    Ok(choose(Given { url, token: token.map(|token| Secret::new(token.trim().to_owned())), saved, local }))
}

/// Where a service on this machine keeps its state, if it is not told otherwise on its command line.
pub(super) fn state_dir() -> Option<PathBuf> {
    let named = std::env::var_os("STRONGROOM_STATE_DIR").filter(|path| !path.is_empty());
    named.map(PathBuf::from).or_else(|| default_state_dir().ok())
}

fn choose(given: Given) -> Found {
    let Given { url, token, saved, local } = given;
    let local_url = local.as_ref().map(|local| local.url.clone());
    let url = url.or_else(|| saved.url.clone()).or(local_url).unwrap_or_else(|| DEFAULT_URL.into());
    let same = |other: &str| other.trim_end_matches('/') == url.trim_end_matches('/');
    let saved_token = saved.token.filter(|_| saved.url.as_deref().is_some_and(same));
    let local_token = local.filter(|local| same(&local.url)).and_then(|local| local.token);
    let token = token.or(saved_token).or(local_token);
    Found { url, token }
}

#[derive(Deserialize)]
struct Service {
    url: String,
}

/// The service whose state is in that directory, if it says where it is.
fn local(directory: &Path) -> Option<Local> {
    let text = std::fs::read_to_string(directory.join("service.json")).ok()?;
    let service: Service = serde_json::from_str(&text).ok()?;
    // Whoever may not read the token may still ask for what is public.
    let token = std::fs::read_to_string(directory.join("admin.token")).ok();
    Some(Local { url: service.url, token: token.map(|token| Secret::new(token.trim().to_owned())) })
}

/// Where unfinished uploads are remembered.
pub(super) fn upload_records() -> anyhow::Result<PathBuf> {
    let state = config::xdg("XDG_STATE_HOME", ".local/state");
    Ok(state
        .context("there is neither XDG_STATE_HOME nor HOME to keep track of uploads under")?
        .join("uploads"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Option<Secret> {
        Some(Secret::new(text.into()))
    }

    fn saved() -> Config {
        Config { url: Some("https://saved".into()), token: secret("srt_saved") }
    }

    fn service() -> Option<Local> {
        Some(Local { url: "http://127.0.0.1:1".into(), token: secret("srt_admin") })
    }

    #[test]
    fn what_is_said_comes_before_what_was_saved_and_that_before_what_is_found() {
        let found = choose(Given::default());
        assert_eq!(found, Found { url: DEFAULT_URL.into(), token: None });
        let found = choose(Given { local: service(), ..Given::default() });
        assert_eq!(found, Found { url: "http://127.0.0.1:1".into(), token: secret("srt_admin") });
        let found = choose(Given { local: service(), saved: saved(), ..Given::default() });
        assert_eq!(found, Found { url: "https://saved".into(), token: secret("srt_saved") });
        let given =
            Given { url: Some("http://x".into()), token: secret("srt_x"), saved: saved(), local: service() };
        assert_eq!(choose(given), Found { url: "http://x".into(), token: secret("srt_x") });
    }

    #[test]
    fn no_token_goes_to_a_server_that_it_is_not_for() {
        let url = Some("https://elsewhere".to_owned());
        let found = choose(Given { url, saved: saved(), local: service(), token: None });
        assert_eq!(found.token, None);
        let url = Some("http://127.0.0.1:1/".to_owned());
        let found = choose(Given { url, saved: saved(), local: service(), token: None });
        assert_eq!(found.token, secret("srt_admin"));
    }
}
