//! `strongroom key`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::output::{Exit, Output, Usage, table};
use super::service::Place;
use super::{EXIT_STATUS, Global, connect};
use crate::kernel::event::KeyKind;
use crate::kernel::id::{KeyId, NodeName};
use crate::node;
use crate::wire::key::{AddKey, KeyEntry};

/// List, add and retire the keys that sign grants, receipts and checkpoints.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List every key that ever signed here, in the order in which they were added.
    #[command(after_help = EXIT_STATUS)]
    List,
    /// Record a key, so that what it signs is believed.
    ///
    /// Without `--public`, on the machine of a node: makes the successor of the node's key, in its state directory, and
    /// records that. The node signs with it from its next start on; then its predecessor can be retired, and nothing
    /// goes unsigned in between.
    ///
    /// Needs `admin`; for receipt keys `node:<name>` of that node is enough.
    #[command(after_help = EXIT_STATUS)]
    Add {
        /// What it signs: grant, receipt or checkpoint.
        #[arg(long, value_name = "KIND")]
        kind: KeyKind,
        /// The public half of a key that a node made elsewhere: 32 bytes, base64url without padding.
        #[arg(long, value_name = "KEY", requires = "node", conflicts_with = "state_dir")]
        public: Option<String>,
        /// The node that holds it; from the settings in the state directory, if left out.
        #[arg(long, value_name = "NAME")]
        node: Option<NodeName>,
        /// The state directory of the node, if it is not the usual one.
        #[arg(long, value_name = "DIR")]
        state_dir: Option<PathBuf>,
    },
    /// Make a key sign nothing new, for good. What it signed until now stays valid.
    ///
    /// The key that signs checkpoints cannot be retired: add its successor first, and restart its node. A node whose
    /// key for grants or receipts was retired refuses uploads until it is restarted; it makes another key then.
    ///
    /// Needs `admin`.
    #[command(after_help = EXIT_STATUS)]
    Retire {
        /// Its id, as `key list` prints it.
        #[arg(value_name = "KEY")]
        key: KeyId,
    },
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::List => {
            let keys = client.keys().await?;
            output.result(&keys, |out| {
                let rows: Vec<_> = keys.iter().map(row).collect();
                table(out, &["KEY", "KIND", "NODE", "STATE", "PUBLIC"], &[], &rows)
            })?;
            Ok(Exit::Done)
        }
        Command::Add { kind, public, node, state_dir } => {
            let request = match (public, node) {
                (Some(public), Some(node)) => AddKey { kind: kind.to_string(), public, node },
                (_, node) => successor(kind, node, state_dir).await?,
            };
            let added = client.add_key(&request).await?;
            shown(&added, "added", output)
        }
        Command::Retire { key } => shown(&client.retire_key(&key).await?, "retired", output),
    }
}

/// Makes the next key of the node whose state is here.
async fn successor(
    kind: KeyKind,
    node: Option<NodeName>,
    state_dir: Option<PathBuf>,
) -> anyhow::Result<AddKey> {
    let settings = Place::of_state_dir(state_dir).settings()?;
    if !settings.state_dir.is_dir() {
        let missing = settings.state_dir.display();
        return Err(Usage(format!("no node has its state in {missing}; name it with --state-dir")).into());
    }
    let directory = settings.state_dir.clone();
    let made = tokio::task::spawn_blocking(move || node::successor(&directory, kind));
    let (key, path) = made.await.expect("making a key does not panic")?;
    eprintln!("{}: the node signs with it from its next start on", path.display());
    let public = URL_SAFE_NO_PAD.encode(key.public());
    Ok(AddKey { kind: kind.to_string(), public, node: node.unwrap_or(settings.node) })
}

fn shown(key: &KeyEntry, done: &str, output: &Output) -> anyhow::Result<Exit> {
    output.result(key, |out| writeln!(out, "{done} {} key {} of node {}", key.kind, key.key, key.node))?;
    Ok(Exit::Done)
}

fn row(entry: &KeyEntry) -> Vec<String> {
    let state = entry.retired_at.map_or_else(|| "signs".to_owned(), |at| format!("retired {at}"));
    let KeyEntry { key, kind, node, public, .. } = entry;
    vec![key.to_string(), kind.clone(), node.to_string(), state, public.clone()]
}
