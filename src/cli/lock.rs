//! `strongroom lock`.

use super::output::{Exit, Output};
use super::{EXIT_STATUS, Global, connect};
use crate::kernel::id::PackageRef;
use crate::retention::period::{Moment, Period};
use crate::wire::lock::{BypassLock, ExtendLock, PackageLocks};
use crate::wire::time::Timestamp;

/// Lock packages: until then they are not deleted, whatever policies say. A lock moves only later.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Lock a package, or move the end of its lock later.
    ///
    /// Needs `pull` on the repository and `retention:lock`.
    #[command(after_help = EXIT_STATUS, group = clap::ArgGroup::new("end").required(true))]
    Extend {
        /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
        #[arg(value_name = "PACKAGE")]
        package: PackageRef,
        /// Until when: RFC 3339, or a day.
        #[arg(long, value_name = "TIME", group = "end")]
        until: Option<Moment>,
        /// For how long from now: `30d`, `7y`.
        #[arg(long = "for", value_name = "PERIOD", group = "end")]
        period: Option<Period>,
        /// Its mode: `governance` can be bypassed by who has the right to, on record; `compliance` by nobody.
        #[arg(long, default_value = "governance", value_name = "MODE")]
        mode: String,
        /// Why; kept as a document beside the log.
        #[arg(long)]
        reason: String,
    },
    /// Let the governance lock of a package not count any more. Compliance locks stand.
    ///
    /// Needs `pull` on the repository and `retention:bypass`.
    #[command(after_help = EXIT_STATUS)]
    Bypass {
        /// The package: `<repository>:<tag>` or `<repository>@<digest>`.
        #[arg(value_name = "PACKAGE")]
        package: PackageRef,
        /// Locks that end then or before, instead of the one that is recorded: for what a rule of a policy locks.
        #[arg(long, value_name = "TIME")]
        until: Option<Moment>,
        /// Why; kept as a document beside the log.
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(args: Args, global: &Global, output: &Output) -> anyhow::Result<Exit> {
    let client = connect::client(global)?;
    let locks = match args.command {
        Command::Extend { package, until, period, mode, reason } => {
            let from_now = || period.map(|period| period.after_ms(now_ms()));
            let until_ms = until.map(|moment| moment.0).or_else(from_now).expect("one of them is required");
            let request = ExtendLock { mode, until: Timestamp::from_ms(until_ms), reason };
            client.extend_lock(&package.repository, &package.reference, &request).await?
        }
        Command::Bypass { package, until, reason } => {
            let request = BypassLock { until: until.map(|moment| Timestamp::from_ms(moment.0)), reason };
            client.bypass_lock(&package.repository, &package.reference, &request).await?
        }
    };
    output.done(&locks, &text(&locks))
}

fn now_ms() -> u64 {
    use crate::clock::Clock as _;
    crate::clock::System.now_ms()
}

fn text(locks: &PackageLocks) -> String {
    let ends = [
        ("compliance lock until", locks.compliance_until),
        ("governance lock until", locks.governance_until),
        ("governance locks bypassed up to", locks.bypassed_until),
    ];
    let ends: Vec<String> =
        ends.into_iter().filter_map(|(what, end)| end.map(|end| format!("{what} {end}"))).collect();
    format!("{}: {} (event {})", locks.digest, ends.join(", "), locks.position)
}
