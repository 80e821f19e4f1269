//! The first token: made when a log has none, so that somebody may do something.
//!
//! 1. The secret is written to `<state dir>/admin.token`, 0600, durable.
//! 2. The log is told its hash. A start that is cut off in between finds the file and goes on here.

use std::path::{Path, PathBuf};

use rand::TryRngCore as _;

use super::{ACTOR, Error, files};
use crate::access::{Caller, Pattern, Role, Secret};
use crate::control::{Context, Control, tokens};

const FILE: &str = "admin.token";

/// Where it is kept.
pub(super) fn file(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE)
}

/// Makes it, if the log has no token. Returns the file with the secret then.
pub(super) async fn ensure(control: &Control, state_dir: &Path) -> Result<Option<PathBuf>, Error> {
    let itself = Caller::local(ACTOR.parse().expect("an actor"));
    if !tokens::list(control, &itself, None, 1).await?.is_empty() {
        return Ok(None);
    }
    let path = file(state_dir);
    let secret = match files::read(&path)? {
        Some(text) => text.trim().parse().map_err(|_| Error::AdminToken(path.clone()))?,
        None => {
            let mut bits = [0; 32];
            rand::rngs::OsRng.try_fill_bytes(&mut bits).expect("the system gives randomness");
            let secret = Secret::from_random(bits);
            files::write(&path, format!("{}\n", secret.reveal()).as_bytes())?;
            secret
        }
    };
    let mint = tokens::Mint {
        subject: Some("admin".parse().expect("an actor")),
        scopes: Role::Admin.scopes(&Pattern::All),
        expires_in_seconds: None,
    };
    tokens::mint_with(control, &Context::new(itself), mint, secret).await?;
    Ok(Some(path))
}
