//! Flags that say which node's state a command is about.

use std::path::PathBuf;

use crate::config::{Settings, Source};

/// As `strongroom serve` takes them; they count before the environment and the settings file.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Place {
    /// What the service keeps: keys, its database, by default the blobs. `/var/lib/strongroom` for root, else
    /// `$XDG_DATA_HOME/strongroom`.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The database, if it is not to be a private one under the state directory. A password in it is safer in
    /// `DATABASE_URL` or the settings file.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Where the binaries of PostgreSQL are, if they are not to be looked for.
    #[arg(long, value_name = "DIR")]
    postgres_bin: Option<PathBuf>,
    /// Where blobs lie, if not under the state directory.
    #[arg(long, value_name = "DIR")]
    blobs_dir: Option<PathBuf>,
    /// The settings file, if it is not `strongroom.toml` in the state directory.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    /// Whether any was given.
    pub(super) const fn is_given(&self) -> bool {
        self.state_dir.is_some() || self.database_url.is_some() || self.config.is_some()
    }

    /// A state directory, and nothing else.
    pub(super) fn of_state_dir(state_dir: Option<PathBuf>) -> Self {
        Self { state_dir, ..Self::default() }
    }

    /// The settings that follow.
    pub(super) fn settings(self) -> anyhow::Result<Settings> {
        Ok(Settings::load(self.source())?)
    }

    pub(super) fn source(self) -> Source {
        Source {
            config: self.config,
            state_dir: self.state_dir,
            database_url: self.database_url,
            postgres_bin: self.postgres_bin,
            blobs_dir: self.blobs_dir,
            ..Source::default()
        }
    }
}
