//! `strongroom show`.

use std::collections::BTreeSet;

use serde::Serialize;

use super::output::{Exit, Output, bytes, table};
use super::{EXIT_STATUS, Global, connect};
use crate::client::Package;
use crate::kernel::digest::{Blake3, Digests, Sha256};
use crate::kernel::id::{PackageRef, PinName, RepositoryName};
use crate::kernel::manifest::{Annotations, Entry, Kind};
use crate::wire::blob::DamagedBlob;

/// Show what a package is and what is in it.
///
/// The manifest is fetched and checked against its digest; no file is read. Files whose stored bytes were found damaged
/// are named, with the event that says so.
///
/// Needs `pull` on the repository.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
    #[arg(value_name = "PACKAGE")]
    package: PackageRef,
}

#[derive(Serialize)]
struct Shown {
    repository: RepositoryName,
    digest: Blake3,
    sha256: Sha256,
    oci_digest: Sha256,
    media_type: String,
    artifact_type: Option<String>,
    subject: Option<Blake3>,
    annotations: Annotations,
    pins: Vec<PinName>,
    bytes: u64,
    entries: Vec<ShownEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<DamagedBlob>,
}

#[derive(Serialize)]
struct ShownEntry {
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Blake3>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    let package = client.package(&args.package.repository, &args.package.reference).await?;
    let mut shown = shown(args.package.repository, &package);
    let of_package: BTreeSet<Blake3> = shown.entries.iter().filter_map(|entry| entry.digest).collect();
    let pins = client.pins(&shown.repository).await?.into_iter();
    shown.pins = pins.filter(|pin| pin.digest == shown.digest).map(|pin| pin.pin).collect();
    shown.damaged = client.damaged_blobs(&shown.repository).await?;
    shown.damaged.retain(|blob| of_package.contains(&blob.digest));
    output.result(&shown, |out| {
        let optional = [
            ("type", shown.artifact_type.clone()),
            ("subject", shown.subject.map(|digest| digest.to_string())),
        ];
        writeln!(out, "digest   {}\nsha256   {}\noci      {}", shown.digest, shown.sha256, shown.oci_digest)?;
        for (name, value) in optional {
            if let Some(value) = value {
                writeln!(out, "{name:<8} {value}")?;
            }
        }
        for pin in &shown.pins {
            writeln!(out, "pinned   {}#{pin}", shown.repository)?;
        }
        for (key, value) in &shown.annotations {
            writeln!(out, "{key} = {value}")?;
        }
        writeln!(out, "{} entries, {}\n", shown.entries.len(), bytes(shown.bytes))?;
        let rows: Vec<Vec<String>> = shown.entries.iter().map(row).collect();
        table(out, &["MODE", "SIZE", "PATH"], &[1], &rows)?;
        for blob in &shown.damaged {
            let names = |entry: &&ShownEntry| entry.digest == Some(blob.digest);
            for entry in shown.entries.iter().filter(names) {
                writeln!(
                    out,
                    "damaged: {} ({} is {} since event {})",
                    entry.path, blob.digest, blob.found, blob.since
                )?;
            }
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

fn row(entry: &ShownEntry) -> Vec<String> {
    let path = match (&entry.target, entry.kind) {
        (Some(target), _) => format!("{} -> {target}", entry.path),
        (None, "directory") => format!("{}/", entry.path),
        _ => entry.path.clone(),
    };
    let size = entry.size.map_or_else(String::new, |size| size.to_string());
    vec![entry.mode.clone().unwrap_or_else(|| "-".into()), size, path]
}

fn shown(repository: RepositoryName, package: &Package) -> Shown {
    let header = package.document.header();
    let entries: Vec<ShownEntry> = package.entries().map(entry).collect();
    Shown {
        repository,
        digest: package.digests.blake3,
        sha256: package.digests.sha256,
        oci_digest: Digests::of(&package.document.oci_json()).sha256,
        media_type: package.document.media_type().to_string(),
        artifact_type: header.artifact_type.as_ref().map(ToString::to_string),
        subject: header.subject.as_ref().map(|subject| subject.digests.blake3),
        annotations: header.annotations.clone(),
        pins: Vec::new(),
        bytes: entries.iter().filter_map(|entry| entry.size).sum(),
        entries,
        damaged: Vec::new(),
    }
}

fn entry(entry: &Entry) -> ShownEntry {
    let shown = ShownEntry {
        path: entry.path.to_string(),
        kind: "file",
        mode: None,
        size: None,
        digest: None,
        sha256: None,
        target: None,
    };
    match &entry.kind {
        Kind::File(file) => ShownEntry {
            mode: file.mode.map(|mode| mode.to_string()),
            size: Some(file.size_bytes),
            digest: Some(file.digests.blake3),
            sha256: Some(file.digests.sha256),
            ..shown
        },
        Kind::Directory => ShownEntry { kind: "directory", ..shown },
        Kind::Symlink(target) => ShownEntry { kind: "symlink", target: Some(target.to_string()), ..shown },
    }
}
