//! The rules: each from one source file to what is wrong with it.

use std::path::Path;

/// What each module may import beside itself. `lib.rs` lists them in this order.
pub(crate) const IMPORTS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("clock", &[]),
    ("postgres", &["kernel"]),
    ("config", &["kernel", "postgres"]),
    ("contract", &["kernel"]),
    ("access", &["kernel", "contract"]),
    ("log", &["kernel", "clock", "contract"]),
    ("views", &["kernel", "log"]),
    ("retention", &["kernel"]),
    ("control", &["kernel", "clock", "contract", "access", "log", "views", "retention"]),
    ("stores", &["kernel"]),
    ("data", &["kernel", "clock", "contract", "stores"]),
    ("audit", &["kernel", "contract", "access", "log", "views", "retention", "stores"]),
    ("wire", &["kernel", "retention"]),
    ("client", &["kernel", "contract", "retention", "wire"]),
    (
        "node",
        &[
            "kernel",
            "clock",
            "postgres",
            "config",
            "contract",
            "access",
            "log",
            "views",
            "retention",
            "control",
            "stores",
            "data",
            "audit",
            "wire",
            "client",
        ],
    ),
    (
        "http",
        &[
            "kernel",
            "clock",
            "config",
            "contract",
            "access",
            "log",
            "views",
            "retention",
            "control",
            "stores",
            "data",
            "node",
            "wire",
        ],
    ),
    (
        "cli",
        &[
            "kernel",
            "clock",
            "postgres",
            "config",
            "contract",
            "access",
            "log",
            "views",
            "retention",
            "control",
            "stores",
            "data",
            "audit",
            "node",
            "wire",
            "http",
            "client",
        ],
    ),
];

/// What pure values have none of: a clock, I/O, async.
const IMPURE: &[&str] = &[
    "tokio",
    "sqlx",
    "axum",
    "futures",
    "rand",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "Instant",
    "SystemTime",
];

/// Crates, and modules of the standard library, that a module must not touch.
pub(crate) const FORBIDDEN: &[(&str, &[&str])] = &[
    ("kernel", IMPURE),
    ("retention", IMPURE),
    ("contract", &["tokio", "sqlx", "axum", "reqwest"]),
    ("access", &["tokio", "sqlx", "axum", "rand", "std::fs", "std::env", "Instant", "SystemTime"]),
    ("wire", &["tokio", "sqlx", "axum", "reqwest", "std::fs"]),
    ("stores", &["sqlx", "axum"]),
    ("data", &["sqlx", "axum"]),
    ("control", &["axum", "std::fs", "SystemTime"]),
    ("log", &["axum"]),
    ("views", &["axum", "SystemTime"]),
    ("audit", &["axum"]),
    ("node", &["axum"]),
    ("http", &["sqlx"]),
    ("client", &["sqlx", "axum"]),
];

/// Lines of a file, its tests at the end not counted.
pub(crate) const FILE_MAX_LINES: usize = 400;

/// Lines of a function.
pub(crate) const FUNCTION_MAX_LINES: usize = 70;

/// Names that say nothing of what is inside.
pub(crate) const EMPTY_NAMES: &[&str] =
    &["common", "helper", "helpers", "manager", "misc", "util", "utils", "shared", "types"];

/// A source file.
pub(crate) struct Source {
    /// From the root of the package, such as `src/log/read.rs`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The top-level module; none for `lib.rs`, `main.rs` and what is not under `src/`.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        match inside.split_once('/') {
            Some(("bin", _)) => None,
            Some((module, _)) => Some(module),
            None => inside.strip_suffix(".rs").filter(|name| !matches!(*name, "lib" | "main")),
        }
    }

    /// Lines without comments. A `//` inside a string cuts the line there, which hides no path.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(n, line)| (n + 1, line.split("//").next().unwrap_or_default()))
    }

    fn lines_before_tests(&self) -> usize {
        let tests = self.text.lines().position(|line| line == "#[cfg(test)]");
        tests.unwrap_or_else(|| self.text.lines().count())
    }
}

/// Identifiers that follow `before` in a line, such as modules after `crate::`.
fn after<'a>(line: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    let is_identifier = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(before).filter_map(move |(at, _)| {
        let inside_a_word = line[..at].chars().next_back().is_some_and(is_identifier);
        let rest = &line[at + before.len()..];
        let end = rest.find(|c| !is_identifier(c)).unwrap_or(rest.len());
        (!inside_a_word).then_some(&rest[..end])
    })
}

pub(crate) fn imports_only_what_the_map_allows(source: &Source) -> Vec<String> {
    let Some(module) = source.module() else { return Vec::new() };
    let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{}: module `{module}` is not in the map", source.path)];
    };
    let mut found = Vec::new();
    for (n, line) in source.code() {
        for import in after(line, "crate::") {
            // `$crate::` in a macro, and groups, name their modules on the same line or are written out.
            if import.is_empty() {
                found.push(format!("{}:{n}: write out each `crate::` path", source.path));
            } else if import != module
                && IMPORTS.iter().any(|(name, _)| *name == import)
                && !allowed.contains(&import)
            {
                found.push(format!("{}:{n}: `{module}` must not import `{import}`", source.path));
            }
        }
    }
    found
}

/// `super::super::..` up to the root would go round the rule above.
pub(crate) fn names_other_modules_from_the_root(source: &Source) -> Vec<String> {
    let Some(inside) = source.path.strip_prefix("src/") else { return Vec::new() };
    let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    let depth = inside.split('/').count();
    let mut found = Vec::new();
    for (n, line) in source.code() {
        // rustfmt leaves items of a file unindented, those of a module inside it not.
        let depth = depth + usize::from(line.starts_with(' '));
        let longest = (1..).take_while(|count| line.contains(&"super::".repeat(*count))).last().unwrap_or(0);
        if longest >= depth && source.module().is_some() {
            found.push(format!("{}:{n}: name what is outside the module by `crate::`", source.path));
        }
    }
    found
}

pub(crate) fn touches_no_forbidden_crate(source: &Source) -> Vec<String> {
    let Some(module) = source.module() else { return Vec::new() };
    let Some((_, forbidden)) = FORBIDDEN.iter().find(|(name, _)| *name == module) else { return Vec::new() };
    let tests_from = source.lines_before_tests();
    let mut found = Vec::new();
    for (n, line) in source.code().take(tests_from) {
        for name in *forbidden {
            let begins = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let ends =
                |at: usize| !line[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
            if line.match_indices(name).any(|(at, _)| begins(at) && ends(at)) {
                found.push(format!("{}:{n}: `{module}` must not touch `{name}`", source.path));
            }
        }
    }
    found
}

pub(crate) fn is_not_too_long(source: &Source) -> Vec<String> {
    let lines = source.lines_before_tests();
    let breach = || format!("{}: {lines} lines, at most {FILE_MAX_LINES}", source.path);
    (lines > FILE_MAX_LINES).then(breach).into_iter().collect()
}

pub(crate) fn has_no_function_that_is_too_long(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let item = line.trim_start();
        let words = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "async fn ",
            "pub async fn ",
            "pub(crate) async fn ",
            "pub(super) fn ",
            "pub(super) async fn ",
            "const fn ",
            "pub const fn ",
        ];
        if !words.iter().any(|word| item.starts_with(word)) {
            continue;
        }
        // rustfmt puts the end of a function under its beginning.
        let end = format!("{}}}", &line[..line.len() - item.len()]);
        let length = lines[start..].iter().take_while(|line| **line != end).count() + 1;
        let ends_here = item.ends_with('}') || item.ends_with(';');
        if !ends_here && length > FUNCTION_MAX_LINES && start + length <= lines.len() {
            let at = start + 1;
            found.push(format!(
                "{}:{at}: a function of {length} lines, at most {FUNCTION_MAX_LINES}",
                source.path
            ));
        }
    }
    found
}

pub(crate) fn has_a_name_that_says_something(source: &Source) -> Vec<String> {
    let path = Path::new(&source.path);
    let names = path.components().filter_map(|part| part.as_os_str().to_str());
    names
        .map(|name| name.trim_end_matches(".rs"))
        .filter(|name| EMPTY_NAMES.contains(name))
        .map(|name| format!("{}: `{name}` does not say what is inside", source.path))
        .collect()
}

pub(crate) fn opens_with_what_it_is(source: &Source) -> Vec<String> {
    let is_part_of_another = source.path.ends_with("tests.rs");
    if is_part_of_another || source.text.starts_with("//! ") {
        Vec::new()
    } else {
        vec![format!("{}: a module opens with what it is (`//!`)", source.path)]
    }
}

pub(crate) fn leaves_no_test_out(source: &Source) -> Vec<String> {
    // Written in two parts, so that this line is not what it looks for.
    let attribute = ["#[ign", "ore"].concat();
    let found = source.code().filter(|(_, line)| line.contains(&attribute));
    found.map(|(n, _)| format!("{}:{n}: a test is run or it is not there", source.path)).collect()
}

/// From a file to what is wrong with it.
pub(crate) type Rule = fn(&Source) -> Vec<String>;

/// All of them.
pub(crate) const RULES: &[Rule] = &[
    imports_only_what_the_map_allows,
    names_other_modules_from_the_root,
    touches_no_forbidden_crate,
    is_not_too_long,
    has_no_function_that_is_too_long,
    has_a_name_that_says_something,
    opens_with_what_it_is,
    leaves_no_test_out,
];
