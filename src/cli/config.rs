//! What `strongroom login` saved.
//!
//! ```toml
//! # $XDG_CONFIG_HOME/strongroom/config.toml, 0600
//! url = "https://strongroom.example"
//! token = "srt_.."
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::wire::secret::Secret;

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The server's address.
    pub(super) url: Option<String>,
    /// The token for it, and for no other.
    pub(super) token: Option<Secret>,
}

impl Config {
    /// As it was saved; empty, if nothing was.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text)
                .with_context(|| format!("{} is damaged; `strongroom login` writes it anew", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Saves it whole, for its owner only.
    pub(super) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let save = || -> anyhow::Result<()> {
            let directory = path.parent().context("a path with a directory")?;
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            let new = path.with_extension(format!("toml.{}", std::process::id()));
            let mut file: File =
                File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(toml::to_string(self)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, path)?;
            Ok(())
        };
        save().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A directory of the XDG Base Directory Specification, for us. None without a home.
pub(super) fn xdg(variable: &str, beneath_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(beneath_home)));
    base.map(|base| base.join("strongroom"))
}

/// Where the file is.
pub(super) fn path() -> Option<PathBuf> {
    Some(xdg("XDG_CONFIG_HOME", ".config")?.join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_saved_is_loaded_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/config.toml");
        assert_eq!(Config::load(&path).unwrap(), Config::default());
        let config = Config { url: Some("http://host".into()), token: Some(Secret::new("srt_x".into())) };
        config.save(&path).unwrap();
        assert_eq!(Config::load(&path).unwrap(), config);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "tokn = \"srt_secret\"").unwrap();
        let error = format!("{:#}", Config::load(&path).unwrap_err());
        assert!(error.contains("strongroom login"), "{error}");
    }
}
