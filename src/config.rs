//! Settings of a service: from flags, then the environment, then a file, then defaults.
//!
//! ```text
//! flag              variable                   key in the file    default
//! --config          STRONGROOM_CONFIG          -                  <state dir>/strongroom.toml, if it is there
//! --state-dir       STRONGROOM_STATE_DIR       -                  /var/lib/strongroom or $XDG_DATA_HOME/strongroom
//! --listen          STRONGROOM_LISTEN          listen             127.0.0.1:7070
//! --database-url    DATABASE_URL               database-url       a private cluster under the state directory
//! --postgres-bin    STRONGROOM_POSTGRES_BIN    postgres-bin       found
//! --blobs-dir       STRONGROOM_BLOBS_DIR       blobs-dir          <state dir>/blobs
//! --store           STRONGROOM_STORE           store              main
//! --node            STRONGROOM_NODE            node               local
//! --plane           STRONGROOM_PLANE           plane              all
//! --control-url     STRONGROOM_CONTROL_URL     control-url        - (a data node needs it)
//! --node-token-file STRONGROOM_NODE_TOKEN_FILE node-token-file    <state dir>/node.token (a data node's)
//! --data-url        STRONGROOM_DATA_URL        data-url           - (a control node needs it; several with commas)
//! --limit NAME=N    STRONGROOM_LIMIT_<NAME>    [limits] NAME = N  see [`limits`]
//! -                 STRONGROOM_SCRUB_DAYS      scrub-days         30; 0 for never
//! -                 STRONGROOM_SCRUB_RATE      scrub-rate         33554432 bytes a second; 0 for no bound
//! -                 STRONGROOM_GC_GRACE_HOURS  gc-grace-hours     72
//! ```
//! Stores, in the file only; without any there is one, on this machine's disk, in `blobs-dir` and named by `store`:
//!
//! ```toml
//! [[store]]                    # deposits go to the first, or to the one that --store names
//! name = "bucket"
//! kind = "s3"
//! bucket = "evidence"
//! endpoint = "http://127.0.0.1:9000"   # if not Amazon's; region, prefix, storage-class and redirect may follow
//!
//! [[store]]
//! name = "disk"
//! kind = "filesystem"
//! path = "/srv/strongroom"
//! tier = "cold"                # hot if nothing is said; deposits go to a hot one. Moves to a tier go to its first store
//! min-object-bytes = 131072    # objects of fewer bytes are not moved here; 0 if nothing is said
//! early-delete-days = 90       # what is charged for at least, shown in plans; 0 if nothing is said
//! ```
//! Of `kind = "s3"` a `storage-class` of `GLACIER` or `DEEP_ARCHIVE` has to be `cold`; `restore-tier` is `Standard` (so if
//! nothing is said), `Bulk` or `Expedited`. A control node that runs apart names the stores of its data nodes, first the one
//! that deposits go to, with `kind = "elsewhere"` and no more than name, tier, `min-object-bytes` and `early-delete-days`.
//!
//! Who is told of events, in the file only: `[[webhook]]`, see [`WebhookSettings`].
//!
//! - What is given first counts; an empty variable is one that is not set.
//! - A setting that is misspelt in the file is refused, and so is a value that is not understood, with where it stood.
//! - The state directory decides which file is read, so the file cannot name it.

pub mod limits;
mod number;
mod planes;
mod stores;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use limits::Limits;

use crate::kernel::id::NodeName;
use crate::kernel::limits::{GC_GRACE_HOURS, SCRUB_PERIOD_DAYS, SCRUB_RATE_BYTES};
use crate::kernel::tier::Tier;
use crate::postgres::{self, DatabaseUrl, default_state_dir};

pub use number::Number;
pub use planes::Plane;
pub use stores::{StorePlace, StoreSettings, StoreSource, Stores};
pub use webhooks::{WebhookSettings, WebhookSource};

/// The file in the state directory.
const FILE: &str = "strongroom.toml";

/// Where a service listens if nothing says otherwise: this machine alone.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:7070";

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is not understood.
    #[error("{place}: {reason}")]
    Value {
        /// Where it stood.
        place: String,
        /// What is wrong with it. Never the value itself: it may hold a password.
        reason: String,
    },
    /// Settings that do not belong together.
    #[error("{setting}: {reason}")]
    Plane {
        /// Which.
        setting: &'static str,
        /// Why not on this plane.
        reason: &'static str,
    },
    /// The file cannot be read.
    #[error("settings file {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has settings that are unknown.
    #[error("settings file {path}: {reason}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no state directory to be found.
    #[error(transparent)]
    StateDir(#[from] postgres::Error),
}

/// What one source says. Everything may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// Which file to read.
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// What the service keeps.
    #[serde(skip)]
    pub state_dir: Option<PathBuf>,
    /// Where it listens.
    pub listen: Option<String>,
    /// The database, if it is not a private cluster.
    pub database_url: Option<String>,
    /// Where the binaries of Postgres are.
    pub postgres_bin: Option<PathBuf>,
    /// Where objects lie.
    pub blobs_dir: Option<PathBuf>,
    /// The stores, or the name of that one, in grants, receipts and events.
    pub store: Option<Stores>,
    /// The name of this node, in receipts and events.
    pub node: Option<String>,
    /// What it serves.
    pub plane: Option<String>,
    /// Where the control plane answers.
    pub control_url: Option<String>,
    /// Where a data node finds its token.
    pub node_token_file: Option<PathBuf>,
    /// Where the data plane answers, for whoever gets a grant.
    pub data_url: Option<String>,
    /// What is bounded.
    #[serde(default)]
    pub limits: limits::Given,
    /// Days between two scrubs in the background.
    pub scrub_days: Option<Number>,
    /// Bytes a second that they read.
    pub scrub_rate: Option<Number>,
    /// Who is told of events; in the file only.
    #[serde(default)]
    pub webhook: Vec<WebhookSource>,
    /// Hours for which a blob has to be free before it is collected.
    pub gc_grace_hours: Option<Number>,
}

impl Source {
    /// What the environment says; `variable` reads one.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name| variable(name).filter(|value| !value.is_empty());
        let path = |name| text(name).map(PathBuf::from);
        Self {
            config: path("STRONGROOM_CONFIG"),
            state_dir: path("STRONGROOM_STATE_DIR"),
            listen: text("STRONGROOM_LISTEN"),
            database_url: text("DATABASE_URL"),
            postgres_bin: path("STRONGROOM_POSTGRES_BIN"),
            blobs_dir: path("STRONGROOM_BLOBS_DIR"),
            store: text("STRONGROOM_STORE").map(Stores::Named),
            node: text("STRONGROOM_NODE"),
            plane: text("STRONGROOM_PLANE"),
            control_url: text("STRONGROOM_CONTROL_URL"),
            node_token_file: path("STRONGROOM_NODE_TOKEN_FILE"),
            data_url: text("STRONGROOM_DATA_URL"),
            // They can be wrong, which is said where they are read: in `load`.
            limits: limits::Given::default(),
            scrub_days: text("STRONGROOM_SCRUB_DAYS").map(Number::Text),
            scrub_rate: text("STRONGROOM_SCRUB_RATE").map(Number::Text),
            webhook: Vec::new(),
            gc_grace_hours: text("STRONGROOM_GC_GRACE_HOURS").map(Number::Text),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            config: self.config.or(other.config),
            state_dir: self.state_dir.or(other.state_dir),
            listen: self.listen.or(other.listen),
            database_url: self.database_url.or(other.database_url),
            postgres_bin: self.postgres_bin.or(other.postgres_bin),
            blobs_dir: self.blobs_dir.or(other.blobs_dir),
            store: self.store.or(other.store),
            node: self.node.or(other.node),
            plane: self.plane.or(other.plane),
            control_url: self.control_url.or(other.control_url),
            node_token_file: self.node_token_file.or(other.node_token_file),
            data_url: self.data_url.or(other.data_url),
            limits: self.limits.or(other.limits),
            scrub_days: self.scrub_days.or(other.scrub_days),
            scrub_rate: self.scrub_rate.or(other.scrub_rate),
            webhook: if self.webhook.is_empty() { other.webhook } else { self.webhook },
            gc_grace_hours: self.gc_grace_hours.or(other.gc_grace_hours),
        }
    }
}

/// Settings of a service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the service keeps: keys, the private cluster, by default the blobs.
    pub state_dir: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The database, if it is not a private cluster.
    pub database_url: Option<DatabaseUrl>,
    /// Where the binaries of Postgres are, if they are not to be looked for.
    pub postgres_bin: Option<PathBuf>,
    /// Where objects lie: at least one. Deposits go to the first.
    pub stores: Vec<StoreSettings>,
    /// The name of this node.
    pub node: NodeName,
    /// What it serves.
    pub plane: Plane,
    /// Where the control plane answers; a data node has it.
    pub control_url: Option<String>,
    /// Where a data node finds its token.
    pub node_token_file: PathBuf,
    /// Where the data plane answers, for whoever gets a grant; none, if where the grant came from.
    pub data_urls: Vec<String>,
    /// What is bounded.
    pub limits: Limits,
    /// Days between the beginnings of two scrubs in the background; 0: there is none.
    pub scrub_days: u64,
    /// Bytes a second that they read; 0: as many as the store gives.
    pub scrub_rate_bytes: u64,
    /// Who is told of events.
    pub webhooks: Vec<WebhookSettings>,
    /// Hours for which a blob has to be free before it is collected. Less than a session may live is safe, but what a push
    /// has brought before it was cut off may have to come again.
    pub gc_grace_hours: u64,
}

impl Settings {
    /// Everything by default, in that state directory.
    ///
    /// # Panics
    /// Never: the defaults are settings.
    pub fn in_directory(state_dir: impl Into<PathBuf>) -> Self {
        let flags = Source { state_dir: Some(state_dir.into()), ..Source::default() };
        Self::resolve(flags, Source::default()).expect("the defaults are settings")
    }

    /// From flags, the environment of this process, and the file that they name.
    ///
    /// # Errors
    /// With the first value that is not understood, and where it stood.
    pub fn load(flags: Source) -> Result<Self, Error> {
        let variable = |name: &str| std::env::var(name).ok();
        let environment = Source {
            limits: limits::Given::from_environment(variable)?,
            ..Source::from_environment(variable)
        };
        let mut given = flags.or(environment);
        let state_dir = given.state_dir.take().map_or_else(default_state_dir, Ok)?;
        let named = given.config.take();
        let file = match &named {
            Some(path) => read(path)?.ok_or_else(|| Error::File {
                path: path.clone(),
                source: std::io::ErrorKind::NotFound.into(),
            })?,
            None => read(&state_dir.join(FILE))?.unwrap_or_default(),
        };
        given.state_dir = Some(state_dir);
        Self::resolve(given, file)
    }

    fn resolve(given: Source, file: Source) -> Result<Self, Error> {
        let (chosen, listed) = match (given.store.clone(), file.store.clone()) {
            (Some(Stores::Listed(listed)), _) => (None, Some(listed)),
            (chosen, Some(Stores::Listed(listed))) => (chosen, Some(listed)),
            (chosen, named) => (chosen.or(named), None),
        };
        let chosen = chosen.and_then(|chosen| match chosen {
            Stores::Named(name) => Some(name),
            Stores::Listed(_) => None,
        });
        let source = given.or(file);
        let plane = parse("plane", source.plane.as_deref().unwrap_or("all"))?;
        planes::check(plane, &source)?;
        let data_urls = source.data_url.iter().flat_map(|urls| urls.split(','));
        let state_dir = source.state_dir.map_or_else(default_state_dir, Ok)?;
        let blobs = state_dir.join("blobs");
        Ok(Self {
            plane,
            control_url: source
                .control_url
                .as_deref()
                .map(|text| planes::url("control-url", text))
                .transpose()?,
            node_token_file: source.node_token_file.unwrap_or_else(|| state_dir.join("node.token")),
            data_urls: data_urls
                .map(|text| planes::url("data-url", text.trim()))
                .collect::<Result<_, _>>()?,
            listen: parse("listen", source.listen.as_deref().unwrap_or(DEFAULT_LISTEN))?,
            database_url: source.database_url.map(|url| parse("database-url", &url)).transpose()?,
            postgres_bin: source.postgres_bin,
            stores: stores::resolve(listed, chosen.as_deref(), source.blobs_dir, blobs, plane)?,
            node: parse("node", source.node.as_deref().unwrap_or("local"))?,
            limits: Limits::resolve(source.limits, plane)?,
            scrub_days: number::read("scrub-days", source.scrub_days, SCRUB_PERIOD_DAYS)?,
            scrub_rate_bytes: number::read("scrub-rate", source.scrub_rate, SCRUB_RATE_BYTES)?,
            webhooks: webhooks::resolve(source.webhook)?,
            gc_grace_hours: number::read("gc-grace-hours", source.gc_grace_hours, GC_GRACE_HOURS)?,
            state_dir,
        })
    }

    /// The store that deposits go to.
    ///
    /// # Panics
    /// If there is none, which no way to make settings allows.
    pub fn store(&self) -> &StoreSettings {
        self.stores.first().expect("there is a store")
    }

    /// The directory of that store, if it is one on this machine.
    pub fn blobs_dir(&self) -> Option<&Path> {
        match &self.store().place {
            StorePlace::Filesystem { path } => Some(path),
            StorePlace::S3 { .. } | StorePlace::Elsewhere => None,
        }
    }

    /// The store that objects of that tier are moved to; to hot that which deposits go to.
    pub fn store_of(&self, tier: Tier) -> Option<&StoreSettings> {
        self.stores.iter().find(|store| store.tier == tier)
    }

    /// How often all blobs are read again in the background. None: never.
    pub fn scrub_period(&self) -> Option<Duration> {
        (self.scrub_days > 0).then(|| Duration::from_secs(self.scrub_days.saturating_mul(24 * 60 * 60)))
    }

    /// The part of it that finds the database.
    pub fn database(&self) -> postgres::Settings {
        postgres::Settings {
            database_url: self.database_url.clone(),
            state_dir: self.state_dir.clone(),
            postgres_bin: self.postgres_bin.clone(),
        }
    }
}

fn parse<T: FromStr<Err: std::fmt::Display>>(name: &str, value: &str) -> Result<T, Error> {
    value
        .parse()
        .map_err(|reason: T::Err| Error::Value { place: name.to_owned(), reason: reason.to_string() })
}

fn read(path: &Path) -> Result<Option<Source>, Error> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        outcome => outcome.map_err(|source| Error::File { path: path.to_owned(), source })?,
    };
    match toml::from_str(&text) {
        Ok(source) => Ok(Some(source)),
        // The full text of the error quotes the line, which may hold a password.
        Err(error) => Err(Error::Syntax { path: path.to_owned(), reason: error.message().to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(directory: &Path) -> Source {
        Source { state_dir: Some(directory.to_owned()), ..Source::default() }
    }

    #[test]
    fn flags_count_before_the_environment_and_that_before_the_file() {
        let text = |value: &str| Some(value.to_owned());
        let flags = Source { listen: text("127.0.0.1:1"), ..flags(Path::new("/state")) };
        let environment = Source { listen: text("127.0.0.1:2"), node: text("two"), ..Source::default() };
        let named = Stores::Named("three".to_owned());
        let file = Source { node: text("three"), store: Some(named), ..Source::default() };
        let settings = Settings::resolve(flags.or(environment), file).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:1");
        assert_eq!(settings.node.as_str(), "two");
        assert_eq!(settings.store().name.as_str(), "three");
        assert_eq!(settings.blobs_dir(), Some(Path::new("/state/blobs")));
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let environment = Source::from_environment(|name| match name {
            "DATABASE_URL" => Some(String::new()),
            "STRONGROOM_NODE" => Some("n1".into()),
            _ => None,
        });
        assert_eq!(environment, Source { node: Some("n1".into()), ..Source::default() });
    }

    #[test]
    fn a_setting_that_is_not_understood_is_refused_without_its_value() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        for (text, part) in [
            ("lisen = '127.0.0.1:1'", "lisen"),
            ("listen = 'nowhere'", "listen"),
            ("database-url = 'mysql://u:s3cret@h/d'", "database-url"),
            ("node = 'Not A Node'", "node"),
            ("state-dir = '/elsewhere'", "state-dir"),
            ("database-url = 's3cret", "settings file"),
            ("[limits]\nuploads = 0", "limits.uploads"),
            ("[limits]\nuplaods = 1", "limits.uplaods"),
        ] {
            std::fs::write(&file, text).unwrap();
            let given = flags(directory.path());
            let error = read(&file).and_then(|file| Settings::resolve(given, file.unwrap())).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("none.toml");
        let error = Settings::load(Source { config: Some(missing), ..flags(directory.path()) }).unwrap_err();
        assert!(matches!(error, Error::File { .. }));
    }
}
