//! `strongroom status`.

use std::io::{self, Write};

use serde::Serialize;

use super::output::{Exit, Output, bytes};
use super::{EXIT_STATUS, Global, connect};
use crate::client;
use crate::wire::status::{Limit, Status, StoreStatus};
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
    output.result(&shown, |out| draw(&shown, out))?;
    Ok(Exit::Done)
}

/// One screen: what runs, whether it keeps up, how much of what is bounded is used, what is wrong.
fn draw(Shown { url, server, caller }: &Shown, out: &mut dyn Write) -> io::Result<()> {
    let up = minutes(server.uptime_seconds);
    writeln!(out, "server    {url}, version {}, node {}, up {up}", server.version, server.node)?;
    if server.plane != "all" {
        writeln!(out, "plane     {}", server.plane)?;
    }
    if let Some(log) = &server.log {
        writeln!(out, "log       {} events, root {}", log.size, log.root)?;
        match log.checkpoint {
            Some(size) => {
                let since = log.size.saturating_sub(size);
                writeln!(out, "signed    the first {size} events, {since} since then")?;
            }
            None => writeln!(out, "signed    nothing yet")?,
        }
    }
    for (n, store) in server.stores.iter().enumerate() {
        let role = if n == 0 && server.stores.len() > 1 { ", takes deposits" } else { "" };
        let tier = if store.tier.is_empty() { String::new() } else { format!(", {}", store.tier) };
        writeln!(out, "store     {}, {}{tier}{role}{}", store.name, store.kind, room(store))?;
    }
    if let Some(postgres) = &server.postgres {
        let whose = if postgres.embedded { "embedded" } else { "external" };
        writeln!(out, "postgres  {}, {whose}", postgres.version)?;
    }
    match server.undelivered_receipts {
        None => {}
        Some(0) => writeln!(out, "receipts  all in the log")?,
        Some(count) => {
            writeln!(out, "receipts  {count} NOT IN THE LOG YET; they are offered again every few seconds")?;
        }
    }
    for hook in &server.webhooks {
        let failing = hook.last_failure.as_deref().map_or_else(String::new, |why| {
            format!("; FAILED {} times, the last time it {why}", hook.failures)
        });
        let behind =
            if hook.behind == 0 { "told of all".into() } else { format!("{} events behind", hook.behind) };
        writeln!(out, "webhook   {}: {behind}{failing}", hook.name)?;
    }
    draw_limits(&server.limits, out)?;
    for lacks in &server.lacks {
        writeln!(out, "LACKS     {lacks}")?;
    }
    match caller {
        Some(caller) => writeln!(out, "you       {}: {}", caller.subject, caller.scopes.join(" ")),
        None => Ok(()),
    }
}

/// How much room there is, where that is known.
fn room(store: &StoreStatus) -> String {
    let (Some(free), kept) = (store.free_bytes, store.kept_free_bytes) else { return String::new() };
    let full = if free < kept { "; UPLOADS ARE REFUSED: make room" } else { "" };
    format!(", {} free, {} of it kept free{full}", bytes(free), bytes(kept))
}

fn draw_limits(limits: &[Limit], out: &mut dyn Write) -> io::Result<()> {
    let (used, rest): (Vec<_>, Vec<_>) = limits.iter().partition(|limit| limit.used.is_some());
    let used = used.iter().map(|limit| {
        let now = limit.used.unwrap_or_default();
        let full = if now >= limit.value { " FULL" } else { "" };
        format!("{} {now}/{}{full}", limit.name, limit.value)
    });
    writeln!(out, "in use    {}", used.collect::<Vec<_>>().join(", "))?;
    let rest = rest.iter().map(|limit| format!("{} {}", limit.name, limit.value)).collect::<Vec<_>>();
    for (n, line) in rest.chunks(3).enumerate() {
        writeln!(out, "{:<9} {}", if n == 0 { "limits" } else { "" }, line.join(", "))?;
    }
    Ok(())
}

/// A time as people say it who look at it once.
fn minutes(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn drawn(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let store = json!({
            "name": "main", "kind": "filesystem", "tier": "hot", "free_bytes": 3_u64 << 30, "kept_free_bytes": 1_u64 << 30,
        });
        let mut server = json!({
            "version": "0.1.0", "node": "local", "plane": "all", "lacks": [],
            "log": { "size": 12, "root": "00", "checkpoint": 10 },
            "store": store, "stores": [store],
            "postgres": { "version": "15.13", "embedded": true },
            "uptime_seconds": 7_300, "undelivered_receipts": 0,
            "limits": [
                { "name": "uploads", "value": 4, "used": 1 }, { "name": "body-idle-seconds", "value": 30, "used": null },
            ],
        });
        change(&mut server);
        let caller = json!({
            "subject": "ops", "scopes": ["admin"], "token": null,
        });
        let shown = Shown {
            url: "http://host".into(),
            server: serde_json::from_value(server).unwrap(),
            caller: Some(serde_json::from_value(caller).unwrap()),
        };
        let mut out = Vec::new();
        draw(&shown, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_server_that_is_well_is_told_without_a_shout() {
        let text = drawn(|_| ());
        assert!(text.contains("up 2 h") && text.contains("2 since then"), "{text}");
        assert!(text.contains("uploads 1/4") && text.contains("body-idle-seconds 30"), "{text}");
        assert!(text.lines().count() <= 24, "one screen: {text}");
        for shout in ["REFUSED", "NOT IN THE LOG", "FULL"] {
            assert!(!text.contains(shout), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_stands_out() {
        let text = drawn(|server| server["stores"][0]["free_bytes"] = json!(1));
        assert!(text.contains("UPLOADS ARE REFUSED"), "{text}");
        let text = drawn(|server| server["undelivered_receipts"] = json!(3));
        assert!(text.contains("3 NOT IN THE LOG YET"), "{text}");
        let text = drawn(|server| server["limits"][0]["used"] = json!(4));
        assert!(text.contains("uploads 4/4 FULL"), "{text}");
        let text = drawn(|server| server["lacks"] = json!(["the keys of the control plane"]));
        assert!(text.contains("LACKS     the keys"), "{text}");
    }

    #[test]
    fn a_control_node_is_told_without_bytes() {
        let text = drawn(|server| {
            server["plane"] = json!("control");
            (server["store"], server["stores"]) = (json!(null), json!([]));
            server["undelivered_receipts"] = json!(null);
        });
        assert!(text.contains("plane     control"), "{text}");
        assert!(!text.contains("receipts") && !text.contains("store "), "{text}");
    }
}
