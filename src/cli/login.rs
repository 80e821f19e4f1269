//! `strongroom login`.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde::Serialize;

use super::config::{self, Config};
use super::output::{Exit, Output};
use super::{EXIT_STATUS, Global, connect};
use crate::client::Client;
use crate::wire::secret::Secret;

/// Save a server's address and a token for it, after trying them.
///
/// The token is read from standard input (typed unseen, or piped), never from the command line, where others could
/// see it. It is saved in `$XDG_CONFIG_HOME/strongroom/config.toml`, for the owner only.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The server's address; what applies without it, if left out.
    #[arg(value_name = "ADDRESS")]
    address: Option<String>,
}

#[derive(Serialize)]
struct Saved {
    url: String,
    subject: String,
    scopes: Vec<String>,
    file: String,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let url = match args.address {
        Some(address) => address,
        None => connect::find(global)?.url,
    };
    let path = config::path().context("there is neither XDG_CONFIG_HOME nor HOME to save it under")?;
    let token = read_token(&url)?;
    let client = Client::new(&url, Some(token.clone()))?;
    let who = client.whoami().await?;
    Config { url: Some(client.address().to_owned()), token: Some(token) }.save(&path)?;
    let (url, file) = (client.address().to_owned(), path.display().to_string());
    let text = format!("saved {file}: {url} as {}, {}", who.subject, who.scopes.join(" "));
    output.done(&Saved { url, subject: who.subject.to_string(), scopes: who.scopes, file }, &text)
}

fn read_token(url: &str) -> anyhow::Result<Secret> {
    let stdin = io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        eprint!("token for {url}: ");
        io::stderr().flush()?;
        let before = tcgetattr(&stdin)?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &unseen)?;
        let read = stdin.lock().read_line(&mut line);
        tcsetattr(&stdin, OptionalActions::Flush, &before)?;
        eprintln!();
        read?;
    } else {
        stdin.lock().read_line(&mut line)?;
    }
    let token = line.trim();
    if token.is_empty() {
        bail!("no token was given; type it, or pipe it in: strongroom login {url} < token-file");
    }
    Ok(Secret::new(token.to_owned()))
}
