//! Paths and link targets in packages: `paths.json`.

use serde_json::{Value as Json, json};
use strongroom::kernel::manifest::{LinkTarget, PackagePath};

use crate::files::{cases, compare, text};

const PATHS: [&str; 12] =
    ["a", "a/b/c", ".git/HEAD", "...", "..a", "a..b", "a b", "a:b", "~", "-rf", "Übergabe.pdf", "日本/語"];

const NO_PATHS: [&str; 21] = [
    "", "/", "/a", "//a", ".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b", "a//b", "a/", "a\\b",
    "..\\a", "C:\\a", "a\0b", "a\nb", "a\u{7f}", "a\u{85}b",
];

/// Link, target, whether it stays inside.
const LINKS: [(&str, &str, bool); 10] = [
    ("a", "b", true),
    ("a", "missing/b/", true),
    ("a", "./b//c", true),
    ("a", ".", true),
    ("a", "..", false),
    ("a", "../b", false),
    ("d/a", "../b", true),
    ("d/a", "../../b", false),
    ("d/e/a", ".././../b", true),
    ("d/e/a", "../../../b", false),
];

const NO_TARGETS: [&str; 8] = ["", "/", "/etc/passwd", "a/../b", "a/..", "../a/../..", "a\\b", "a\0"];

#[test]
fn vectors_are_what_the_code_accepts_and_refuses() {
    let links: Vec<Json> = LINKS
        .iter()
        .map(|(link, target, inside)| json!({"link": link, "target": target, "inside": inside}))
        .collect();
    let paths: Vec<Json> = NO_PATHS
        .iter()
        .map(|path| json!({"path": path, "reason": path.parse::<PackagePath>().expect_err(path).to_string()}))
        .collect();
    let targets: Vec<Json> = NO_TARGETS
        .iter()
        .map(|target| json!({"target": target, "reason": target.parse::<LinkTarget>().expect_err(target).to_string()}))
        .collect();
    let made = json!({"paths": PATHS, "refused_paths": paths, "links": links, "refused_targets": targets});
    compare("paths", &made);
}

#[test]
fn paths_of_the_file_are_read_as_it_says() {
    for path in cases("paths", "paths") {
        let path = path.as_str().expect("text");
        assert_eq!(path.parse::<PackagePath>().expect(path).as_str(), path);
    }
    for case in cases("paths", "refused_paths") {
        let reason = text(&case, "path").parse::<PackagePath>().expect_err("refused").to_string();
        assert_eq!(reason, text(&case, "reason"), "{case}");
    }
}

#[test]
fn links_of_the_file_are_read_as_it_says() {
    for case in cases("paths", "links") {
        let target: LinkTarget = text(&case, "target").parse().expect("a target");
        let link = text(&case, "link").parse().expect("a path");
        assert_eq!(target.stays_inside(&link), case["inside"], "{case}");
    }
    for case in cases("paths", "refused_targets") {
        let reason = text(&case, "target").parse::<LinkTarget>().expect_err("refused").to_string();
        assert_eq!(reason, text(&case, "reason"), "{case}");
    }
}
