//! `strongroom status`.

use serde::Serialize;

use super::output::{Exit, Output};
use super::{EXIT_STATUS, Global, connect};
use crate::wire::status::Status;
use crate::wire::token::Whoami;

/// Show which server applies, what runs there, how far its log is, and who one is to it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {}

#[derive(Serialize)]
struct Shown {
    url: String,
    server: Status,
    caller: Whoami,
}

pub(super) async fn run(_: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    let (server, caller) = tokio::try_join!(client.status(), client.whoami())?;
    let shown = Shown { url: client.address().to_owned(), server, caller };
    output.result(&shown, |out| {
        let Shown { url, server, caller } = &shown;
        writeln!(out, "server    {url}, version {}, node {}", server.version, server.node)?;
        writeln!(out, "log       {} events, root {}", server.log.size, server.log.root)?;
        match server.log.checkpoint {
            Some(size) => writeln!(out, "signed    the first {size} events")?,
            None => writeln!(out, "signed    nothing yet")?,
        }
        for (n, store) in server.stores.iter().enumerate() {
            let role = if n == 0 && server.stores.len() > 1 { ", takes deposits" } else { "" };
            writeln!(out, "store     {}, {}{role}", store.name, store.kind)?;
        }
        let whose = if server.postgres.embedded { "embedded" } else { "external" };
        writeln!(out, "postgres  {}, {whose}", server.postgres.version)?;
        writeln!(out, "you       {}: {}", caller.subject, caller.scopes.join(" "))
    })?;
    Ok(Exit::Done)
}
