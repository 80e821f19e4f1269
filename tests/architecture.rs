//! The map in `lib.rs`, and the house rules, read from the source.
//!
//! Each rule is a function from one source file to what is wrong with it, and each has a bad example that it must
//! catch. The map and this test are changed together.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "architecture/rules.rs"]
mod rules;

use rules::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory of ours") {
        let path = entry.expect("a directory of ours").path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn sources(extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for directory in ["src", "tests", "benches", "fuzz/fuzz_targets"] {
        let directory = root().join(directory);
        if directory.is_dir() {
            files(&directory, extension, &mut found);
        }
    }
    let source = |path: PathBuf| {
        let name =
            path.strip_prefix(root()).expect("beneath it").to_str().expect("our names are UTF-8").to_owned();
        Source { path: name, text: fs::read_to_string(path).expect("our sources are UTF-8") }
    };
    found.into_iter().map(source).collect()
}

#[test]
fn the_source_keeps_every_rule() {
    let sources = sources("rs");
    assert!(sources.len() > 100, "the source was found");
    let breaches: Vec<String> =
        sources.iter().flat_map(|source| RULES.iter().flat_map(move |rule| rule(source))).collect();
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn the_map_lists_every_module_in_the_order_of_the_rules() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let listed: Vec<&str> =
        map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let known: Vec<&str> = IMPORTS.iter().map(|(module, _)| *module).filter(|m| listed.contains(m)).collect();
    assert_eq!(listed, known);
    for (at, (module, allowed)) in IMPORTS.iter().enumerate() {
        for import in *allowed {
            let above = IMPORTS[..at].iter().any(|(name, _)| name == import);
            assert!(above, "`{module}` imports `{import}`, which is not above it");
        }
    }
}

#[test]
fn statements_name_their_owner() {
    let is_schema = |path: &str| path.ends_with("schema.sql");
    let unnamed: Vec<String> = sources("sql")
        .into_iter()
        .filter(|source| source.path.starts_with("src/") && !is_schema(&source.path))
        .filter(|source| {
            !source.text.starts_with("-- ") || !source.text.lines().next().unwrap().contains('.')
        })
        .map(|source| source.path)
        .collect();
    assert!(unnamed.is_empty(), "the first line is `-- module.function`: {unnamed:?}");
}

#[test]
fn each_rule_catches_its_bad_example() {
    let long_file = "//! A file.\n".to_owned() + &"const A: u8 = 0;\n".repeat(FILE_MAX_LINES);
    let long_function =
        format!("//! A function.\nfn long() {{\n{}}}\n", "    work();\n".repeat(FUNCTION_MAX_LINES));
    let ignored = ["//! T.\n#[ign", "ore]\n#[test]\nfn t() {}\n"].concat();
    let rows: &[(Rule, &str, &str, &str)] = &[
        (
            imports_only_what_the_map_allows,
            "src/control/tags.rs",
            "use crate::data::DataPlane;",
            "`control` must not import `data`",
        ),
        (
            imports_only_what_the_map_allows,
            "src/data/seal.rs",
            "    let log = crate::log::Log::new();",
            "`data` must not import `log`",
        ),
        (imports_only_what_the_map_allows, "src/log/read.rs", "use crate::{views, kernel};", "write out"),
        (
            imports_only_what_the_map_allows,
            "src/log/read.rs",
            "use crate::views::tags;",
            "`log` must not import",
        ),
        (
            imports_only_what_the_map_allows,
            "src/audit/mod.rs",
            "use crate::control;",
            "`audit` must not import",
        ),
        (imports_only_what_the_map_allows, "src/things/mod.rs", "", "is not in the map"),
        (names_other_modules_from_the_root, "src/data/seal.rs", "use super::super::log;", "by `crate::`"),
        (names_other_modules_from_the_root, "src/config.rs", "use super::control;", "by `crate::`"),
        (touches_no_forbidden_crate, "src/data/seal.rs", "use sqlx::PgPool;", "must not touch `sqlx`"),
        (
            touches_no_forbidden_crate,
            "src/http/tags.rs",
            "fn f(pool: &sqlx::PgPool) {}",
            "must not touch `sqlx`",
        ),
        (touches_no_forbidden_crate, "src/kernel/id.rs", "let now = SystemTime::now();", "must not touch"),
        (is_not_too_long, "src/log/read.rs", &long_file, "401 lines"),
        (has_no_function_that_is_too_long, "src/log/read.rs", &long_function, "a function of 72 lines"),
        (has_a_name_that_says_something, "src/log/utils.rs", "", "does not say"),
        (has_a_name_that_says_something, "tests/common/mod.rs", "", "does not say"),
        (opens_with_what_it_is, "src/log/read.rs", "use std::fmt;", "opens with what it is"),
        (leaves_no_test_out, "tests/log/append.rs", &ignored, "a test is run"),
    ];
    for (rule, path, text, message) in rows {
        let found = rule(&Source::new(path, text));
        assert!(found.len() == 1 && found[0].contains(message), "{path}: {text:?} gave {found:?}");
    }
}

#[test]
fn each_rule_lets_its_good_example_pass() {
    let good = "//! Reads.\n\nuse super::Log;\nuse crate::kernel::id::Tag; // not crate::views\n\n/// See `sqlx`.\nfn f() {}\n\n\
                #[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    for path in ["src/data/read.rs", "src/http/read.rs", "src/kernel/read.rs", "src/config.rs"] {
        let good =
            if path == "src/config.rs" { good.replace("use super::Log;\n", "") } else { good.to_owned() };
        for rule in RULES {
            assert_eq!(rule(&Source::new(path, &good)), Vec::<String>::new(), "{path}");
        }
    }
}
