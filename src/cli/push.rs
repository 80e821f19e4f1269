//! `strongroom push`.

use std::path::PathBuf;

use super::output::{Exit, Output, Usage, bytes, plural};
use super::pin::{moved, warn_of_missing};
use super::progress::Bar;
use super::tag::expected;
use super::target::{Target, annotation};
use super::{EXIT_STATUS, Global, connect};
use crate::client::Condition;
use crate::client::package::exclude::Exclude;
use crate::client::progress::Progress;
use crate::client::push::{self, Pinning, Push, Pushed, push_stream};
use crate::kernel::id::{PinName, Reference};
use crate::kernel::manifest::{MediaType, PackagePath};
use crate::wire::pin::Said;

/// Deposit files as a package, and print its digest last.
///
/// One directory is deposited as what is in it; a file, or each of several paths, under its own name. `-` deposits
/// standard input as one file. Links are kept as links, permission bits are kept; owners and times are not.
///
/// Nothing that the server has already is sent again. A push that was cut, on either side, is finished by the same
/// command.
///
/// Needs `push` on the repository, which is made if it is not there.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// Files and directories, or `-` for standard input.
    #[arg(required = true, num_args = 1.., value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where to: `<repository>`, or `<repository>:<tag>` to have the tag name the package.
    #[arg(required = true, value_name = "REPOSITORY[:TAG]")]
    target: Target,
    /// Say something about the package; repeatable.
    #[arg(short = 'a', long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
    /// What kind of package it is, as a media type.
    #[arg(long, value_name = "TYPE")]
    artifact_type: Option<MediaType>,
    /// The package in the same repository, by tag or digest, that this one is about.
    #[arg(long, value_name = "REF")]
    subject: Option<Reference>,
    /// Leave out what matches; repeatable. A pattern without `/` is matched with names at any depth, one with `/`
    /// with the path from the top.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// The name of the file that standard input becomes.
    #[arg(long, value_name = "PATH", default_value = "stdin")]
    name: PackagePath,
    /// Make this pin claim the package, in the step that accepts it: both is done or neither.
    #[arg(long, value_name = "PIN", requires = "reason")]
    pin: Option<PinName>,
    /// What the pin must claim now, or `none` if it must not exist; otherwise nothing is changed.
    #[arg(long, value_name = "DIGEST|none", value_parser = expected, requires = "pin")]
    expect: Option<Condition>,
    /// Why the pin is set.
    #[arg(long, value_name = "TEXT", requires = "pin")]
    reason: Option<String>,
    /// Where the source of the package is: a URL. Said of the pin; as it was, if absent.
    #[arg(long, value_name = "URL", requires = "pin")]
    source: Option<String>,
    /// The full revision of the source, 40 or 64 characters of lowercase hex. Said of the pin; as it was, if absent.
    #[arg(long, value_name = "HEX", requires = "pin")]
    revision: Option<String>,
    /// What built the package. Said of the pin; as it was, if absent.
    #[arg(long, value_name = "TEXT", requires = "pin")]
    build: Option<String>,
    /// Read and hash everything and ask what the server has, but send nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let from_stdin = args.paths.iter().any(|path| path.as_os_str() == "-");
    if from_stdin && args.paths.len() > 1 {
        return Err(Usage("`-` is deposited alone; name a file ./- if one is called so".into()).into());
    }
    if from_stdin && args.dry_run {
        return Err(Usage(
            "a dry run reads its input to the end and forgets it; name files instead of `-`".into(),
        )
        .into());
    }
    let said = Said { reason: args.reason, source: args.source, revision: args.revision, build: args.build };
    let condition = args.expect.unwrap_or(Condition::Always);
    let pin = args.pin.map(|pin| Pinning { pin, condition, said });
    let wanted = Push {
        pin,
        artifact_type: args.artifact_type,
        annotations: args.annotations.into_iter().collect(),
        subject: args.subject,
        exclude: Exclude::new(&args.exclude).map_err(|error| Usage(error.to_string()))?,
        records: Some(connect::upload_records()?),
        ..Push::to(args.target.repository, args.target.tag)
    };
    let client = connect::client(global)?;
    let progress = Progress::new();
    let bar = Bar::show(&progress, "push");
    let pushed = if from_stdin {
        push_stream(&client, &wanted, tokio::io::stdin(), args.name, &progress).await?
    } else if args.dry_run {
        push::dry_run(&client, &wanted, args.paths, &progress).await?
    } else {
        push::push(&client, &wanted, args.paths, &progress).await?
    };
    drop(bar);
    pushed.pin.iter().for_each(warn_of_missing);
    output.result(&pushed, |out| {
        writeln!(out, "{}", summary(&pushed, args.dry_run))?;
        if let Some(pin) = &pushed.pin {
            writeln!(out, "{}", moved(&pushed.repository, pin))?;
        }
        writeln!(out, "{}", pushed.digest)
    })?;
    Ok(Exit::Done)
}

fn summary(pushed: &Pushed, dry_run: bool) -> String {
    let name = match &pushed.tag {
        Some(tag) => format!("{}:{tag}", pushed.repository),
        None => pushed.repository.to_string(),
    };
    let (verb, sent) = if dry_run { ("would push", "to send") } else { ("pushed", "sent") };
    let entries = if pushed.entries == 1 { "1 entry".into() } else { format!("{} entries", pushed.entries) };
    let resumed = match pushed.resumed_bytes {
        0 => String::new(),
        resumed => format!(" ({} were there from a push that was cut)", bytes(resumed)),
    };
    format!(
        "{verb} {name}: {entries}, {}; {sent}: {}, {}{resumed}",
        bytes(pushed.bytes),
        plural(pushed.sent_blobs, "blob"),
        bytes(pushed.sent_bytes)
    )
}
