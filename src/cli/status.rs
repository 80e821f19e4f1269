//! `strongroom status`.

use serde::Serialize;

use super::output::{Exit, Output};
use super::{EXIT_STATUS, Global, connect};
use crate::client;
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
    caller: Option<Whoami>,
}

pub(super) async fn run(_: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    let (server, caller) = match client.status().await {
        Ok(server) => (server, Some(client.whoami().await?)),
        // A data node knows no tokens.
        Err(client::Error::Problem { problem, .. }) if problem.code == "other-plane" => {
            (client.data_status().await?, None)
        }
        Err(error) => return Err(error.into()),
    };
    let shown = Shown { url: client.address().to_owned(), server, caller };
    output.result(&shown, |out| {
        let Shown { url, server, caller } = &shown;
        writeln!(out, "server    {url}, version {}, node {}", server.version, server.node)?;
        if server.plane != "all" {
            writeln!(out, "plane     {}", server.plane)?;
        }
        if let Some(log) = &server.log {
            writeln!(out, "log       {} events, root {}", log.size, log.root)?;
            match log.checkpoint {
                Some(size) => writeln!(out, "signed    the first {size} events")?,
                None => writeln!(out, "signed    nothing yet")?,
            }
        }
        for (n, store) in server.stores.iter().enumerate() {
            let role = if n == 0 && server.stores.len() > 1 { ", takes deposits" } else { "" };
            writeln!(out, "store     {}, {}{role}", store.name, store.kind)?;
        }
        if let Some(postgres) = &server.postgres {
            let whose = if postgres.embedded { "embedded" } else { "external" };
            writeln!(out, "postgres  {}, {whose}", postgres.version)?;
        }
        for lacks in &server.lacks {
            writeln!(out, "lacks     {lacks}")?;
        }
        match caller {
            Some(caller) => writeln!(out, "you       {}: {}", caller.subject, caller.scopes.join(" ")),
            None => Ok(()),
        }
    })?;
    Ok(Exit::Done)
}
