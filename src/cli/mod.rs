//! The command line: one file a command. Each parses its words, calls [`crate::client`] (or the crate itself), and
//! prints; nothing can be done here that a Rust program could not.
//!
//! - Results go to standard output, everything else (progress, errors, hints) to standard error.
//! - `--json` prints results, and the final error, as JSON.
//! - Exit status: 0 done, 1 failed, 2 wrong use, 3 verification found something.

mod audit;
mod bench;
mod cat;
mod completions;
mod config;
mod connect;
mod delete;
mod erase;
mod events;
mod gc;
mod hold;
mod key;
mod list;
mod lock;
mod login;
mod output;
mod pin;
mod plan;
mod policy;
mod progress;
mod pull;
mod push;
mod repository;
mod retention;
mod retrieval;
mod scrub;
mod serve;
mod service;
mod show;
mod status;
mod sweep;
mod tag;
mod target;
mod tier;
mod token;
mod verify;
mod views;
mod why;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use output::{Exit, Output};

/// What every help ends with.
const EXIT_STATUS: &str = "Exit status: 0 done, 1 failed, 2 wrong use, 3 verification found something.";

/// Keeps evidence: files that must still be provably the same, years later.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, after_help = EXIT_STATUS, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
struct Global {
    /// The server's address. The token for it comes from `STRONGROOM_TOKEN` or from `strongroom login`.
    ///
    /// Without it: the address that `strongroom login` saved, else the service that runs on this machine, else
    /// http://127.0.0.1:7070.
    #[arg(long, global = true, value_name = "URL", env = "STRONGROOM_URL", hide_env_values = true)]
    url: Option<String>,
    /// Print results, and the final error, as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Push(push::Args),
    Pull(pull::Args),
    Cat(cat::Args),
    Verify(verify::Args),
    Show(show::Args),
    List(list::Args),
    Repository(repository::Args),
    Tag(tag::Args),
    Pin(pin::Args),
    Policy(policy::Args),
    Retention(retention::Args),
    Events(events::Args),
    Delete(delete::Args),
    Erase(erase::Args),
    Why(why::Args),
    Hold(hold::Args),
    Lock(lock::Args),
    Gc(gc::Args),
    Tier(tier::Args),
    Retrieval(retrieval::Args),
    Audit(audit::Args),
    Scrub(scrub::Args),
    Sweep(sweep::Args),
    Views(views::Args),
    Token(token::Args),
    Key(key::Args),
    Login(login::Args),
    Status(status::Args),
    Bench(bench::Args),
    Completions(completions::Args),
}

/// Runs the command that the arguments (the program's name first) say, and gives its exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error, arguments.iter().any(|word| word == "--json")),
    };
    let output = Output::new(cli.global.json);
    match dispatch(cli, &output) {
        Ok(exit) => exit.code(),
        Err(error) => output.failed(&error),
    }
}

fn dispatch(cli: Cli, output: &Output) -> anyhow::Result<Exit> {
    let Cli { global, command } = cli;
    if let Command::Completions(args) = command {
        return completions::run(&args, &mut Cli::command(), output);
    }
    if !matches!(command, Command::Serve(_)) {
        output::trace_warnings();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => Box::pin(serve::run(args, output)).await,
            Command::Push(args) => Box::pin(push::run(args, &global, output)).await,
            Command::Pull(args) => Box::pin(pull::run(args, &global, output)).await,
            Command::Cat(args) => Box::pin(cat::run(args, &global)).await,
            Command::Verify(args) => Box::pin(verify::run(args, &global, output)).await,
            Command::Show(args) => Box::pin(show::run(args, &global, output)).await,
            Command::List(args) => Box::pin(list::run(args, &global, output)).await,
            Command::Repository(args) => Box::pin(repository::run(args, &global, output)).await,
            Command::Tag(args) => Box::pin(tag::run(args, &global, output)).await,
            Command::Pin(args) => Box::pin(pin::run(args, &global, output)).await,
            Command::Policy(args) => Box::pin(policy::run(args, &global, output)).await,
            Command::Retention(args) => Box::pin(retention::run(args, &global, output)).await,
            Command::Events(args) => Box::pin(events::run(args, &global, output)).await,
            Command::Delete(args) => Box::pin(delete::run(args, &global, output)).await,
            Command::Erase(args) => Box::pin(erase::run(args, &global, output)).await,
            Command::Why(args) => Box::pin(why::run(args, &global, output)).await,
            Command::Hold(args) => Box::pin(hold::run(args, &global, output)).await,
            Command::Lock(args) => Box::pin(lock::run(args, &global, output)).await,
            Command::Gc(args) => Box::pin(gc::run(args, &global, output)).await,
            Command::Tier(args) => Box::pin(tier::run(args, &global, output)).await,
            Command::Retrieval(args) => Box::pin(retrieval::run(args, &global, output)).await,
            Command::Audit(args) => Box::pin(audit::run(args, &global, output)).await,
            Command::Sweep(args) => Box::pin(sweep::run(args, output)).await,
            Command::Scrub(args) => Box::pin(scrub::run(args, output)).await,
            Command::Views(args) => Box::pin(views::run(args, output)).await,
            Command::Token(args) => Box::pin(token::run(args, &global, output)).await,
            Command::Key(args) => Box::pin(key::run(args, &global, output)).await,
            Command::Login(args) => Box::pin(login::run(args, &global, output)).await,
            Command::Status(args) => Box::pin(status::run(args, &global, output)).await,
            Command::Bench(args) => Box::pin(bench::run(args, output)).await,
            Command::Completions(_) => unreachable!("it needs neither server nor runtime"),
        }
    })
}
