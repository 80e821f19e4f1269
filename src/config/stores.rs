//! `[[store]]` in the settings file: where objects lie.
//!
//! - A store has a name, which is in grants, receipts and events; names differ.
//! - What belongs to another kind of store is refused, and so is an unknown setting.
//! - There are no credentials in it: those come from where every AWS tool looks.

use std::fmt;
use std::path::PathBuf;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Error, parse};
use crate::kernel::id::StoreName;

/// A store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Its name.
    pub name: StoreName,
    /// Where it is.
    pub place: StorePlace,
    /// Whether clients that verify what they get are sent to the store itself for it.
    pub redirect: bool,
}

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// A directory of this machine, which one process has.
    Filesystem {
        /// The directory.
        path: PathBuf,
    },
    /// A bucket, which processes share.
    S3 {
        /// Its name.
        bucket: String,
        /// Where it is, if not at Amazon.
        endpoint: Option<String>,
        /// Its region, if not that of the environment or the profile.
        region: Option<String>,
        /// What the names of everything begin with.
        prefix: String,
        /// The storage class of objects, if not the bucket's own.
        storage_class: Option<String>,
    },
}

impl StorePlace {
    /// What kind of store it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Filesystem { .. } => "filesystem",
            Self::S3 { .. } => "s3",
        }
    }
}

/// What the file says of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StoreSource {
    name: String,
    kind: String,
    path: Option<PathBuf>,
    bucket: Option<String>,
    endpoint: Option<String>,
    region: Option<String>,
    prefix: Option<String>,
    #[serde(alias = "storage_class")]
    storage_class: Option<String>,
    #[serde(default)]
    redirect: bool,
}

/// What `store` is in the file: the name of the one store, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stores {
    /// `store = "name"`.
    Named(String),
    /// `[[store]]`.
    Listed(Vec<StoreSource>),
}

impl<'de> Deserialize<'de> for Stores {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Stores;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the name of a store, or [[store]] tables")
            }

            fn visit_str<E>(self, name: &str) -> Result<Stores, E> {
                Ok(Stores::Named(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Stores, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Stores::Listed)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn refused(name: &str, reason: &str) -> Error {
    Error::Value { place: format!("[[store]] {name}"), reason: reason.to_owned() }
}

impl StoreSource {
    fn resolve(self) -> Result<StoreSettings, Error> {
        let name: StoreName = parse("[[store]] name", &self.name)?;
        let of_s3 = [&self.bucket, &self.endpoint, &self.region, &self.prefix, &self.storage_class];
        let place = match &*self.kind {
            "filesystem" if of_s3.iter().any(|given| given.is_some()) => {
                return Err(refused(
                    &self.name,
                    "only a store of kind s3 has a bucket, and what belongs to one",
                ));
            }
            "filesystem" if self.redirect => {
                return Err(refused(&self.name, "only a store of kind s3 can be redirected to"));
            }
            "filesystem" => {
                let path = self.path.ok_or_else(|| refused(&self.name, "path is missing"))?;
                StorePlace::Filesystem { path }
            }
            "s3" if self.path.is_some() => return Err(refused(&self.name, "a store of kind s3 has no path")),
            "s3" => StorePlace::S3 {
                bucket: self.bucket.ok_or_else(|| refused(&self.name, "bucket is missing"))?,
                endpoint: self.endpoint.map(|endpoint| checked(&self.name, endpoint)).transpose()?,
                region: self.region,
                prefix: self.prefix.unwrap_or_default(),
                storage_class: self.storage_class,
            },
            _ => return Err(refused(&self.name, "kind is filesystem or s3")),
        };
        Ok(StoreSettings { name, place, redirect: self.redirect })
    }
}

fn checked(name: &str, endpoint: String) -> Result<String, Error> {
    if endpoint.starts_with("http://") || endpoint.starts_with("https://") {
        Ok(endpoint)
    } else {
        Err(refused(name, "endpoint begins with http:// or https://"))
    }
}

/// All stores; that to which deposits go is the first. `chosen` names it, `blobs_dir` is the one without a list.
pub(super) fn resolve(
    listed: Option<Vec<StoreSource>>,
    chosen: Option<&str>,
    blobs_dir: Option<PathBuf>,
    default_dir: PathBuf,
) -> Result<Vec<StoreSettings>, Error> {
    let Some(listed) = listed else {
        let name = parse("store", chosen.unwrap_or("main"))?;
        let path = blobs_dir.unwrap_or(default_dir);
        return Ok(vec![StoreSettings { name, place: StorePlace::Filesystem { path }, redirect: false }]);
    };
    if blobs_dir.is_some() {
        let reason = "is for a node without [[store]] in its settings file".to_owned();
        return Err(Error::Value { place: "blobs-dir".to_owned(), reason });
    }
    let mut stores = listed.into_iter().map(StoreSource::resolve).collect::<Result<Vec<_>, _>>()?;
    for (n, store) in stores.iter().enumerate() {
        if stores[..n].iter().any(|before| before.name == store.name) {
            return Err(refused(store.name.as_str(), "two stores have that name"));
        }
    }
    if stores.is_empty() {
        return Err(Error::Value { place: "store".to_owned(), reason: "the list is empty".to_owned() });
    }
    if let Some(chosen) = chosen {
        let at = stores.iter().position(|store| store.name.as_str() == chosen);
        let at = at.ok_or_else(|| refused(chosen, "no store has that name"))?;
        stores[..=at].rotate_right(1);
    }
    Ok(stores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        store: Option<Stores>,
    }

    fn resolved(text: &str, chosen: Option<&str>) -> Result<Vec<StoreSettings>, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let Some(Stores::Listed(listed)) = file.store else { panic!("a list") };
        resolve(Some(listed), chosen, None, "/blobs".into()).map_err(|error| error.to_string())
    }

    const TWO: &str = "[[store]]\nname = 'disk'\nkind = 'filesystem'\npath = '/srv'\n\
        [[store]]\nname = 'bucket'\nkind = 's3'\nbucket = 'b'\nendpoint = 'http://h'\nstorage_class = 'WARM'\nredirect = true\n";

    #[test]
    fn deposits_go_to_the_first_or_to_the_one_that_is_named() {
        let stores = resolved(TWO, None).unwrap();
        assert_eq!(stores[0].place, StorePlace::Filesystem { path: "/srv".into() });
        assert!(
            matches!(&stores[1].place, StorePlace::S3 { storage_class: Some(class), .. } if class == "WARM")
        );
        assert!(stores[1].redirect);
        let stores = resolved(TWO, Some("bucket")).unwrap();
        assert_eq!([stores[0].name.as_str(), stores[1].name.as_str()], ["bucket", "disk"]);
        assert_eq!(stores[0].place.kind(), "s3");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_store_it_is_in() {
        for (text, part) in [
            ("[[store]]\nname = 'a'\nkind = 'tape'", "kind is filesystem or s3"),
            ("[[store]]\nname = 'a'\nkind = 's3'", "bucket is missing"),
            ("[[store]]\nname = 'a'\nkind = 'filesystem'", "path is missing"),
            (
                "[[store]]\nname = 'a'\nkind = 'filesystem'\npath = '/x'\nbucket = 'b'",
                "only a store of kind s3",
            ),
            ("[[store]]\nname = 'a'\nkind = 'filesystem'\npath = '/x'\nredirect = true", "redirected"),
            ("[[store]]\nname = 'a'\nkind = 's3'\nbucket = 'b'\npath = '/x'", "no path"),
            ("[[store]]\nname = 'a'\nkind = 's3'\nbucket = 'b'\nendpoint = 'h:9000'", "http://"),
            ("[[store]]\nname = 'A B'\nkind = 's3'\nbucket = 'b'", "[[store]] name"),
            ("[[store]]\nname = 'a'\nkind = 's3'\nbucket = 'b'\nsecret-key = 'x'", "secret-key"),
        ] {
            let error = resolved(text, None).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(resolved(TWO, Some("tape")).unwrap_err().contains("no store has that name"));
        let twice = format!("{TWO}[[store]]\nname = 'disk'\nkind = 's3'\nbucket = 'b'");
        assert!(resolved(&twice, None).unwrap_err().contains("two stores"));
    }

    #[test]
    fn one_store_needs_no_list() {
        let file: File = toml::from_str("store = 'one'").unwrap();
        assert_eq!(file.store, Some(Stores::Named("one".into())));
        let stores = resolve(None, Some("one"), None, "/blobs".into()).unwrap();
        assert_eq!((stores[0].name.as_str(), stores.len()), ("one", 1));
        assert!(resolve(Some(Vec::new()), None, None, "/blobs".into()).is_err());
    }
}
