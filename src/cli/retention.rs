//! `strongroom retention`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::output::{Exit, Output, bytes, plural, table};
use super::{EXIT_STATUS, Global, connect, plan};
use crate::client::Client;
use crate::kernel::digest::Blake3;
use crate::kernel::id::PolicyName;
use crate::wire::application::{SkippedPackage, SubmittedPlan};
use crate::wire::plan::MakePlan;

/// See what retention policies would do, and do it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a plan: what the policies that stand would do now, by which rule, and what is in the way. Nothing is changed.
    ///
    /// Needs `retention:plan`.
    #[command(after_help = EXIT_STATUS)]
    Plan {
        /// Plan for this policy only; repeatable. Others keep and lock, and do nothing else.
        #[arg(long = "policy", value_name = "NAME")]
        policies: Vec<PolicyName>,
        /// Write the plan's documents to this file.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Submit a plan, so that somebody else can approve it.
    ///
    /// Needs `retention:plan`.
    #[command(after_help = EXIT_STATUS)]
    Submit {
        /// The file that `retention plan --output` wrote.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Approve a plan that somebody else submitted.
    ///
    /// Needs `retention:approve`.
    #[command(after_help = EXIT_STATUS)]
    Approve {
        /// The plan's digest.
        #[arg(value_name = "DIGEST")]
        plan: Blake3,
    },
    /// Apply a plan: what it deletes is looked at again, and what changed since is skipped and named.
    ///
    /// A file is submitted first. Cut off, it is taken up by the same command; repeated, it changes nothing.
    ///
    /// Needs `retention:apply`; for a file `retention:plan` too.
    #[command(after_help = EXIT_STATUS)]
    Apply {
        /// The plan's digest, or the file that `retention plan --output` wrote.
        #[arg(value_name = "DIGEST|FILE")]
        plan: String,
    },
    /// List the plans that were submitted, and what became of them.
    ///
    /// Needs `retention:plan`, `retention:approve`, `retention:apply` or `log:read`.
    #[command(after_help = EXIT_STATUS)]
    Plans,
}

/// What an application did.
#[derive(Debug, Default, Serialize)]
struct Applied {
    plan: Option<Blake3>,
    deleted: u64,
    deleted_bytes: u64,
    locked: u64,
    tiered: u64,
    tiered_bytes: u64,
    gone: u64,
    skipped: Vec<SkippedPackage>,
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    match args.command {
        Command::Plan { policies, output: file } => {
            let (found, bytes) = client.plan(&MakePlan { policies }).await?;
            if let Some(file) = file {
                std::fs::write(&file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
            }
            plan::print(&found, &bytes, output)
        }
        Command::Submit { file } => {
            let submitted = submit(&client, &file).await?;
            let next = match submitted.needs_approval {
                true => format!("somebody else approves it: strongroom retention approve {}", submitted.plan),
                false => format!("apply it: strongroom retention apply {}", submitted.plan),
            };
            output.done(&submitted, &format!("submitted {}\n{next}", submitted.plan))
        }
        Command::Approve { plan } => {
            let approved = client.approve_plan(&plan).await?;
            output.done(&approved, &format!("approved {plan}"))
        }
        Command::Apply { plan } => {
            let digest = match plan.parse() {
                Ok(digest) => digest,
                Err(_) => submit(&client, Path::new(&plan)).await?.plan,
            };
            apply(&client, digest, output).await
        }
        Command::Plans => {
            let plans = client.plans().await?;
            output.result(&plans, |out| {
                let rows: Vec<_> = plans.iter().map(row).collect();
                table(out, &["PLAN", "SUBMITTED", "BY", "DELETES", "DELETED", "STATE"], &[3, 4], &rows)
            })?;
            Ok(Exit::Done)
        }
    }
}

async fn submit(client: &Client, file: &Path) -> anyhow::Result<SubmittedPlan> {
    let read = std::fs::read(file);
    let documents = read.with_context(|| format!("cannot read {}, and it is no digest", file.display()))?;
    Ok(client.submit_plan(documents).await?)
}

async fn apply(client: &Client, plan: Blake3, output: &Output) -> anyhow::Result<Exit> {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {per_sec} {eta}");
    let bar = ProgressBar::new(0).with_style(style.expect("a template that is tried by every run"));
    let bar = bar.with_prefix("applying");
    let mut applied = Applied { plan: Some(plan), ..Applied::default() };
    let mut done = 0;
    loop {
        let step = client.apply_plan(&plan, done).await?;
        bar.set_length(step.items);
        bar.set_position(step.done);
        done = step.done;
        applied.deleted += step.deleted;
        applied.deleted_bytes += step.deleted_bytes;
        applied.locked += step.locked;
        applied.tiered += step.tiered;
        applied.tiered_bytes += step.tiered_bytes;
        applied.gone += step.gone;
        applied.skipped.extend(step.skipped);
        if step.done >= step.items {
            break;
        }
    }
    bar.finish_and_clear();
    output.result(&applied, |out| {
        let packages = plural(applied.deleted, "package");
        writeln!(
            out,
            "deleted {packages} ({}), recorded {}",
            bytes(applied.deleted_bytes),
            plural(applied.locked, "lock")
        )?;
        if applied.tiered > 0 {
            let (count, size) = (plural(applied.tiered, "package"), bytes(applied.tiered_bytes));
            writeln!(out, "gave {count} ({size}) another tier; `strongroom tier run` moves the bytes")?;
        }
        if applied.gone > 0 {
            writeln!(out, "gone already: {}", plural(applied.gone, "package"))?;
        }
        for one in &applied.skipped {
            writeln!(out, "skipped {}@{}: {}", one.repository, one.digest, one.reasons.join("; "))?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

fn row(plan: &SubmittedPlan) -> Vec<String> {
    let state = match (&plan.applied, &plan.approved) {
        (Some(act), _) => format!("applied {} by {}", act.at, act.actor),
        (None, Some(act)) => format!("approved by {}", act.actor),
        (None, None) if plan.needs_approval => "waits for approval".to_owned(),
        (None, None) => "submitted".to_owned(),
    };
    vec![
        plan.plan.to_string(),
        plan.submitted.at.to_string(),
        plan.submitted.actor.to_string(),
        plan.deletions.to_string(),
        plan.deleted.to_string(),
        state,
    ]
}
