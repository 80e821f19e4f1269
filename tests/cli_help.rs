//! Every help text, and what wrong use looks like with its exit status, in one golden file: a change of the command
//! line is seen in review. After a change on purpose: `INSTA_UPDATE=always cargo test --test cli_help`.

use std::fmt::Write as _;
use std::process::{Command, Output};

fn strongroom(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a directory");
    Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .env("STRONGROOM_URL", "http://127.0.0.1:1")
        .output()
        .expect("the program runs")
}

fn shown(arguments: &[&str]) -> String {
    let output = strongroom(arguments);
    let mut text = format!("$ strongroom {}\n", arguments.join(" "));
    text += &String::from_utf8(output.stdout).expect("text");
    text += &String::from_utf8(output.stderr).expect("text");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n[exit status {}]\n\n", lines.join("\n"), output.status.code().expect("an exit"))
}

fn all(cases: &[&[&str]]) -> String {
    cases.iter().fold(String::new(), |mut text, arguments| {
        write!(text, "{}", shown(arguments)).expect("memory");
        text
    })
}

#[test]
fn every_command_has_the_help_that_was_agreed() {
    let commands: &[&[&str]] = &[
        &[],
        &["serve"],
        &["push"],
        &["pull"],
        &["cat"],
        &["verify"],
        &["show"],
        &["list"],
        &["repository"],
        &["repository", "create"],
        &["repository", "set"],
        &["repository", "list"],
        &["tag"],
        &["tag", "set"],
        &["tag", "remove"],
        &["tag", "list"],
        &["events"],
        &["erase"],
        &["audit"],
        &["scrub"],
        &["sweep"],
        &["views"],
        &["views", "check"],
        &["views", "rebuild"],
        &["token"],
        &["token", "mint"],
        &["token", "list"],
        &["token", "revoke"],
        &["tier"],
        &["tier", "status"],
        &["tier", "run"],
        &["retrieval"],
        &["retrieval", "request"],
        &["retrieval", "show"],
        &["retrieval", "list"],
        &["key"],
        &["key", "list"],
        &["key", "add"],
        &["key", "retire"],
        &["login"],
        &["status"],
        &["bench"],
        &["completions"],
    ];
    let with_help: Vec<Vec<&str>> = commands.iter().map(|command| [*command, &["--help"]].concat()).collect();
    let with_help: Vec<&[&str]> = with_help.iter().map(Vec::as_slice).collect();
    insta::assert_snapshot!("help", all(&with_help));
}

#[test]
fn wrong_use_is_status_2_and_says_what_is_right() {
    let cases: &[&[&str]] = &[
        &[],
        &["bogus"],
        &["push"],
        &["push", "."],
        &["push", ".", "Acme/Reports"],
        &["push", ".", "acme/reports@blake3:00"],
        &["push", ".", "acme/reports:.bad"],
        &["push", ".", "acme/reports", "-a", "novalue"],
        &["push", ".", "acme/reports", "--exclude", "a["],
        &["push", ".", "acme/reports", "--subject", "blake3:00"],
        &["push", ".", "acme/reports", "--artifact-type", "no type"],
        &["push", "-", "x", "acme/reports"],
        &["push", "-", "acme/reports", "--dry-run"],
        &["push", "-", "acme/reports", "--name", "../x"],
        &["pull", "acme/reports", "dir"],
        &["pull", "acme/reports@sha256:ABC", "dir"],
        &["cat", "acme/reports:v1", "/etc/passwd"],
        &["tag", "set", "acme/reports", "v1"],
        &["tag", "set", "acme/reports:v1", "v2", "--expected", "v3"],
        &["repository"],
        &["repository", "set", "acme/reports"],
        &["events", "--after", "-1"],
        &["events", "--json", "--format", "cbor"],
        &["token", "mint"],
        &["token", "mint", "--role", "uploader", "--expires", "soon"],
        &["token", "revoke", "nonsense"],
        &["completions", "tcsh"],
        &["status", "--json", "--bogus"],
    ];
    for arguments in cases {
        assert_eq!(strongroom(arguments).status.code(), Some(2), "{arguments:?}");
    }
    insta::assert_snapshot!("wrong_use", all(cases));
}

#[test]
fn failures_are_status_1_and_name_what_to_do() {
    let cases: &[&[&str]] = &[
        &["status"],
        &["list", "--json"],
        &["push", "/nowhere/at/all", "acme/reports"],
        &["push", ".", "acme/reports", "--url", "nowhere"],
        &["status", "--url", "http://host/?query"],
    ];
    for arguments in cases {
        assert_eq!(strongroom(arguments).status.code(), Some(1), "{arguments:?}");
    }
    insta::assert_snapshot!("failures", all(cases));
}

#[test]
fn whoever_stops_reading_is_not_told_of_an_error() {
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
}
