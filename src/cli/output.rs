//! What is printed, and with what status the program ends.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::client;
use crate::client::pull;

/// How a command ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Done,
    /// A verification was done, and found something.
    Findings,
}

impl Exit {
    pub(super) fn code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Findings => ExitCode::from(FINDINGS),
        }
    }
}

const FAILED: u8 = 1;
const WRONG_USE: u8 = 2;
const FINDINGS: u8 = 3;

/// Words that do not fit together in a way that the parser does not see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// Where results go, and in which form.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a result: as JSON if that was asked for, else as `human` writes it.
    pub(super) fn result(
        &self,
        result: &impl Serialize,
        human: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut stdout, result).map_err(io::Error::from)?;
            writeln!(stdout)?;
        } else {
            human(&mut stdout)?;
        }
        stdout.flush()?;
        Ok(())
    }

    /// A result that is only that it is done.
    pub(super) fn done(&self, result: &impl Serialize, text: &str) -> anyhow::Result<Exit> {
        self.result(result, |out| writeln!(out, "{text}"))?;
        Ok(Exit::Done)
    }

    /// Prints the final error. Whoever stopped reading has what it wanted.
    pub(super) fn failed(&self, error: &anyhow::Error) -> ExitCode {
        if is_broken_pipe(error) {
            return ExitCode::SUCCESS;
        }
        let status = status(error);
        let problem = problem(error);
        let code = problem.and_then(|problem| match problem {
            client::Error::Problem { problem, .. } => Some(problem),
            _ => None,
        });
        if self.json {
            let document = serde_json::json!({
                "error": error_text(error), "code": code.map(|p| &p.code), "status": code.map(|p| p.status),
                "exit": status,
            });
            eprintln!("{document}");
        } else {
            eprintln!("error: {}", error_text(error));
            if let Some(hint) = problem.and_then(hint) {
                eprintln!("hint: {hint}");
            }
        }
        ExitCode::from(status)
    }
}

fn error_text(error: &anyhow::Error) -> String {
    // Causes that a text already has are not said twice.
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The client's own error, at whatever depth.
fn problem(error: &anyhow::Error) -> Option<&client::Error> {
    error.chain().find_map(|cause| {
        cause
            .downcast_ref::<client::Error>()
            .or_else(|| match cause.downcast_ref::<client::push::Error>() {
                Some(client::push::Error::Client(error)) => Some(error),
                _ => None,
            })
            .or_else(|| match cause.downcast_ref::<pull::Error>() {
                Some(pull::Error::Client(error)) => Some(error),
                _ => None,
            })
            .or_else(|| match cause.downcast_ref::<client::verify::Error>() {
                Some(client::verify::Error::Client(error)) => Some(error),
                _ => None,
            })
    })
}

/// What to do about a refusal that every command can meet.
fn hint(error: &client::Error) -> Option<&'static str> {
    match error.status() {
        // No other token may either.
        Some(403) if error.code() == Some("quota-exceeded") => None,
        Some(401) => Some(
            "run `strongroom login`, or set STRONGROOM_TOKEN; on the server itself the admin token is the file \
             admin.token in the state directory",
        ),
        Some(403) => {
            Some("`strongroom status` shows what this token may do; `strongroom token mint` makes another")
        }
        _ => None,
    }
}

fn status(error: &anyhow::Error) -> u8 {
    let damaged = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(pull::Error::Damaged(_)))
            || matches!(cause.downcast_ref(), Some(client::Error::Verification { .. }))
    };
    if error.chain().any(|cause| cause.is::<Usage>()) {
        WRONG_USE
    } else if error.chain().any(damaged) || matches!(problem(error), Some(client::Error::Verification { .. }))
    {
        FINDINGS
    } else {
        FAILED
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(broken)
            || matches!(cause.downcast_ref(), Some(pull::Error::Output(error)) if broken(error))
    })
}

/// Prints what the parser says: help and version as results, the rest as errors.
pub(super) fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if json && error.use_stderr() {
        let text = error.render().to_string();
        eprintln!("{}", serde_json::json!({ "error": text.trim(), "exit": WRONG_USE }));
        return ExitCode::from(WRONG_USE);
    }
    // Nobody is there to read it; that is no failure of what was asked.
    _ = error.print();
    if error.use_stderr() { ExitCode::from(WRONG_USE) } else { ExitCode::SUCCESS }
}

/// Warnings of the client go to standard error, unless `RUST_LOG` says otherwise.
pub(super) fn trace_warnings() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let color =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A program around us may have its own.
    _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(color).try_init();
}

/// Bytes for people.
pub(super) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

/// `1 file`, `2 files`.
pub(super) fn plural(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Columns, each as wide as its widest cell; numbers to the right. Nothing is cut off.
pub(super) fn table(
    out: &mut dyn Write,
    head: &[&str],
    right: &[usize],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if right.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::pull::Damaged;
    use crate::kernel::digest::Digests;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut out = Vec::new();
        let rows = [vec!["a".into(), "1".into()], vec!["long name".into(), "20".into()]];
        table(&mut out, &["NAME", "N"], &[1], &rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "NAME        N\na           1\nlong name  20\n");
    }

    #[test]
    fn each_kind_of_failure_has_its_status() {
        let digest = Digests::of(b"x").blake3;
        let damaged = pull::Error::Damaged(vec![Damaged { digest, paths: vec![], reason: "so".into() }]);
        assert_eq!(status(&damaged.into()), FINDINGS);
        assert_eq!(status(&Usage("no".into()).into()), WRONG_USE);
        assert_eq!(status(&pull::Error::Reserved.into()), FAILED);
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&pull::Error::Output(pipe).into()));
    }
}
