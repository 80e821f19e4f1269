//! Which database: a URL, or a state directory with a private cluster in it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use super::Error;

/// Where the database is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A server that somebody else runs. Without it there is a private cluster under `state_dir`.
    pub database_url: Option<DatabaseUrl>,
    /// What this machine's service keeps: cluster, lock, log of the server.
    pub state_dir: PathBuf,
    /// The one directory to take server binaries from, instead of looking for them.
    pub postgres_bin: Option<PathBuf>,
}

impl Settings {
    /// A private cluster under that directory, run by the binaries that are found.
    #[must_use]
    pub fn embedded(state_dir: impl Into<PathBuf>) -> Self {
        Self { database_url: None, state_dir: state_dir.into(), postgres_bin: None }
    }
}

/// The state directory where none is given: `/var/lib/strongroom` for root, else `$XDG_DATA_HOME/strongroom`, else
/// `~/.local/share/strongroom` (XDG Base Directory Specification).
///
/// # Errors
/// [`Error::NoHome`] if neither variable names an absolute path.
pub fn default_state_dir() -> Result<PathBuf, Error> {
    state_dir(
        rustix::process::geteuid().is_root(),
        std::env::var_os("XDG_DATA_HOME"),
        std::env::var_os("HOME"),
    )
}

fn state_dir(root: bool, data_home: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, Error> {
    if root {
        return Ok("/var/lib/strongroom".into());
    }
    // The specification: "All paths must be absolute. [..] consider the path invalid and ignore it."
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(data_home)
        .or_else(|| Some(absolute(home)?.join(".local/share")))
        .map(|base| base.join("strongroom"))
        .ok_or(Error::NoHome)
}

/// How to reach a server. Prints and debug-prints without the password.
#[derive(Clone)]
pub struct DatabaseUrl(PgConnectOptions);

impl DatabaseUrl {
    pub(super) fn options(&self) -> PgConnectOptions {
        self.0.clone()
    }
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let bad = |reason: &str| Error::BadUrl { reason: reason.to_owned() };
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(bad("it does not begin with postgres://"));
        }
        // The parser's reasons name what is wrong with a part, and may quote a parameter; keep the kind alone.
        PgConnectOptions::from_str(url).map(Self).map_err(|_| bad("a part of it is malformed"))
    }
}

impl From<PgConnectOptions> for DatabaseUrl {
    fn from(options: PgConnectOptions) -> Self {
        Self(options)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::connect::place(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_directory_follows_the_user() {
        let (xdg, home) = (Some("/x".into()), Some("/home/u".into()));
        let at = |root, xdg: &Option<OsString>, home: &Option<OsString>| {
            state_dir(root, xdg.clone(), home.clone()).unwrap().display().to_string()
        };
        assert_eq!(at(true, &xdg, &home), "/var/lib/strongroom");
        assert_eq!(at(false, &xdg, &home), "/x/strongroom");
        assert_eq!(at(false, &None, &home), "/home/u/.local/share/strongroom");
        assert_eq!(at(false, &Some("relative".into()), &home), "/home/u/.local/share/strongroom");
        assert!(matches!(state_dir(false, None, Some("".into())), Err(Error::NoHome)));
    }

    #[test]
    fn a_url_never_shows_its_password() {
        let url: DatabaseUrl = "postgres://ann:s3cret@db.example:6000/evidence".parse().unwrap();
        assert_eq!(format!("{url:?} {url}").matches("s3cret").count(), 0);
        assert_eq!(url.to_string(), "ann at db.example port 6000, database evidence");
    }

    #[test]
    fn a_bad_url_is_refused_without_being_repeated() {
        for bad in ["mysql://u:s3cret@h/d", "s3cret", "postgres://u:s3cret@h:notaport/d"] {
            let error = bad.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains("postgres://user@host/database") && !error.contains("s3cret"), "{error}");
        }
    }
}
