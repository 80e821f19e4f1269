//! `strongroom token`.

use serde::Serialize;

use super::output::{Exit, Output, Usage, table};
use super::target::seconds;
use super::{EXIT_STATUS, Global, connect};
use crate::kernel::id::{Actor, TokenId};
use crate::wire::token::{MintToken, TokenEntry};

/// Make, exchange, list and revoke tokens.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token, and print its secret last. It is shown now and never again.
    ///
    /// Needs `admin`; a token cannot give more than it has.
    #[command(after_help = EXIT_STATUS)]
    Mint {
        /// What it may do, such as `repository:acme/*:pull,push` or `log:read`; repeatable.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// A bundle of scopes: uploader, auditor, records-manager, approver or admin; `uploader:acme/*` narrows one to some
        /// repositories.
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// The name under which the log records what is done with it; its own id, if left out. Not a person's name.
        #[arg(long, value_name = "ACTOR")]
        subject: Option<Actor>,
        /// When it stops working, from now: 90d, 12h, 30m, 45s. Never, if left out.
        #[arg(long, value_name = "SPAN", value_parser = seconds)]
        expires: Option<u64>,
    },
    /// Exchange the token that is used for one that may do less, for a while, and print it last.
    ///
    /// Needs no scope. Nothing is recorded; it ends with the token that it was made from, if not before.
    #[command(after_help = EXIT_STATUS)]
    Exchange {
        /// What it may do, such as `repository:acme/*:pull`; repeatable. As much as the token that is used, if left out.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// When it stops working, from now: 1h at most, such as 30m or 45s. 15 minutes, if left out.
        #[arg(long, value_name = "SPAN", value_parser = seconds)]
        expires: Option<u64>,
    },
    /// List all tokens. Secrets are not among what is known of them.
    ///
    /// Needs `admin`.
    #[command(after_help = EXIT_STATUS)]
    List,
    /// Make a token stop working, at once and for good.
    ///
    /// Needs `admin`, unless it is the token that is used.
    #[command(after_help = EXIT_STATUS)]
    Revoke {
        /// Its id, `tok_...`, as `token list` prints it.
        #[arg(value_name = "TOKEN")]
        token: TokenId,
    },
}

#[derive(Serialize)]
struct Revoked {
    token: TokenId,
    revoked: bool,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::Mint { scopes, role, subject, expires } => {
            if scopes.is_empty() && role.is_none() {
                return Err(Usage("say what the token may do with --role or --scope".into()).into());
            }
            let request = MintToken { subject, scopes, role, expires_in_seconds: expires };
            let minted = client.mint_token(&request).await?;
            output.result(&minted, |out| {
                writeln!(out, "{} for {}: {}", minted.token, minted.subject, minted.scopes.join(" "))?;
                if let Some(end) = minted.expires_at {
                    writeln!(out, "stops working at {end}")?;
                }
                writeln!(out, "{}", minted.secret.reveal())
            })?;
            Ok(Exit::Done)
        }
        Command::Exchange { scopes, expires } => {
            let exchanged = client.exchange_token(&scopes, expires).await?;
            output.result(&exchanged, |out| {
                writeln!(out, "{}", exchanged.scope)?;
                writeln!(out, "works for {} s", exchanged.expires_in)?;
                writeln!(out, "{}", exchanged.access_token.reveal())
            })?;
            Ok(Exit::Done)
        }
        Command::List => {
            let tokens = client.tokens().await?;
            output.result(&tokens, |out| {
                let rows: Vec<_> = tokens.iter().map(row).collect();
                table(out, &["TOKEN", "SUBJECT", "STATE", "MINTED", "SCOPES"], &[], &rows)
            })?;
            Ok(Exit::Done)
        }
        Command::Revoke { token } => {
            client.revoke_token(&token).await?;
            let text = format!("revoked {token}");
            output.done(&Revoked { token, revoked: true }, &text)
        }
    }
}

fn row(entry: &TokenEntry) -> Vec<String> {
    let state = match (entry.revoked_at, entry.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("until {at}"),
        (None, None) => "valid".into(),
    };
    let (token, subject) = (entry.token.to_string(), entry.subject.to_string());
    vec![token, subject, state, entry.minted_at.to_string(), entry.scopes.join(" ")]
}
