//! `strongroom erase`.

use std::io::{IsTerminal as _, Write as _};

use super::output::{Exit, Output, Usage, bytes, plural};
use super::{EXIT_STATUS, Global, connect};
use crate::client::Client;
use crate::kernel::digest::Digest;
use crate::kernel::id::{PackageRef, Reference};
use crate::wire::erasure::{EraseDocument, ErasePackage, ErasedPackage};

/// Erase a package, or what somebody said, for ever, because a law demands it.
///
/// Of a package the bytes go at once, and its manifest, which names files and may name people: bytes that other packages
/// reference stay, and are named. Holds and compliance locks forbid it; pins are released, and nothing else stops it. The log
/// stays as it is, and says by whom and on what ground it was erased. What was erased is not accepted again.
///
/// Repeating it goes on where it was cut off. It also works, by digest, for a package that was deleted before. What backups and
/// replicas of the database and of the stores keep is not reached: see ADR-0025.
///
/// Needs `pull` on the repository and `retention:erase`; `retention:bypass` where a governance lock is in the way.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true, group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Args {
    /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
    #[arg(value_name = "PACKAGE", group = "what")]
    package: Option<PackageRef>,
    /// Instead of a package a statement, such as the reason of a hold, by the digest with which an event names it.
    #[arg(long, value_name = "DIGEST", group = "what")]
    document: Option<Digest>,
    /// The law or the order of a court that demands it; kept as a document beside the log, and not erased itself.
    #[arg(long, value_name = "GROUND")]
    authority: String,
    /// Why; kept in the same document. Name nobody in it.
    #[arg(long)]
    reason: String,
    /// Erase the package from all repositories that have it, in one step: all of them or none. Needs `pull` on all repositories.
    #[arg(long, conflicts_with = "document")]
    everywhere: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match (&args.package, &args.document) {
        (Some(package), _) => {
            confirm(&package.to_string(), args.yes)?;
            let erased = erase(&client, package, &args).await?;
            output.result(&erased, |out| {
                lines(package, &erased).into_iter().try_for_each(|line| writeln!(out, "{line}"))
            })?;
            match &erased.failure {
                None => Ok(Exit::Done),
                Some(failure) => anyhow::bail!(
                    "{} could not be deleted, repeat the erasure: {failure}",
                    plural(erased.failed, "object")
                ),
            }
        }
        (None, Some(document)) => {
            confirm(&document.to_string(), args.yes)?;
            let request = EraseDocument { authority: args.authority.clone(), reason: args.reason.clone() };
            let erased = client.erase_document(document, &request).await?;
            let before = if erased.before { " before" } else { "" };
            output.done(&erased, &format!("erased {}{before} (event {})", erased.digest, erased.position))
        }
        (None, None) => Err(Usage("name a package or a --document".to_owned()).into()),
    }
}

/// It cannot be undone: whoever types it again has read it.
fn confirm(reference: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(
            Usage("nobody can be asked here; say --yes to erase without a question".to_owned()).into()
        );
    }
    let mut stderr = std::io::stderr().lock();
    write!(stderr, "This cannot be undone. Type {reference} to erase it: ")?;
    stderr.flush()?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim() == reference {
        Ok(())
    } else {
        anyhow::bail!("that is not {reference}; nothing was erased")
    }
}

/// Step by step, to the end. By its digest after the first: the tag is gone then.
async fn erase(client: &Client, package: &PackageRef, args: &Args) -> anyhow::Result<ErasedPackage> {
    let request = |after| ErasePackage {
        authority: args.authority.clone(),
        reason: args.reason.clone(),
        everywhere: args.everywhere,
        after,
    };
    let repository = &package.repository;
    let mut all = client.erase_package(repository, &package.reference, &request(None)).await?;
    while let Some(next) = all.next {
        let reference = Reference::Digest(all.digest.into());
        let step = client.erase_package(repository, &reference, &request(Some(next))).await?;
        for (total, more) in [(&mut all.started, step.started), (&mut all.deleted, step.deleted)] {
            total.count += more.count;
            total.bytes += more.bytes;
        }
        all.failed += step.failed;
        all.failure = all.failure.or(step.failure);
        (all.kept_blobs, all.next) = (step.kept_blobs, step.next);
    }
    Ok(all)
}

fn lines(package: &PackageRef, erased: &ErasedPackage) -> Vec<String> {
    let named = |digests: &[crate::kernel::digest::Blake3]| {
        digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let event = erased.position.map_or_else(String::new, |position| format!(" (event {position})"));
    let mut lines = Vec::new();
    for repository in &erased.repositories {
        lines.push(format!("erased    {repository}@{}{event}", erased.digest));
    }
    if erased.repositories.is_empty() {
        lines.push(format!("gone      {}@{} before{event}", package.repository, erased.digest));
    }
    lines.extend(erased.pins.iter().map(|one| format!("released  {}#{}", one.repository, one.pin)));
    let elsewhere = match erased.still_in_others {
        0 => String::new(),
        others => format!(" and {others} that you may not see"),
    };
    lines.push(match (erased.documents_erased, erased.still_in.len()) {
        (true, _) => "documents erased".to_owned(),
        (false, 0) => format!("documents kept: other packages have them{elsewhere}"),
        (false, _) => {
            let names: Vec<&str> = erased.still_in.iter().map(|name| name.as_str()).collect();
            format!("documents kept: still in {}{elsewhere} (--everywhere)", names.join(", "))
        }
    });
    let deleted = erased.deleted;
    lines.push(format!("blobs     {} deleted, {}", deleted.count, bytes(deleted.bytes)));
    if !erased.kept_blobs.is_empty() {
        let count = plural(erased.kept_blobs.len() as u64, "blob");
        lines.push(format!(
            "kept      {count}, which other packages reference: {}",
            named(&erased.kept_blobs)
        ));
    }
    if !erased.listed_by.is_empty() {
        lines.push(format!("listed by {}, which stays", named(&erased.listed_by)));
    }
    if !erased.referrers.is_empty() {
        lines.push(format!("referrers {}, which stay", named(&erased.referrers)));
    }
    if let Some(subject) = &erased.subject {
        lines.push(format!("subject   {subject}"));
    }
    lines
}
