//! `[[store]]` in the settings file: where objects lie.
//!
//! - A store has a name, which is in grants, receipts and events; names differ.
//! - What belongs to another kind of store is refused, and so is an unknown setting.
//! - Deposits go to a hot store. What is moved to a tier goes to the first store of that tier; to hot, where deposits go.
//! - A class that has to be asked for before it is read is cold, and nobody is sent to it.
//! - `elsewhere` names a store of data nodes to a control node that runs apart, with what it needs to know of it. Whoever
//!   has bytes has no such store.
//! - There are no credentials in it: those come from where every AWS tool looks.

use std::fmt;
use std::path::PathBuf;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Error, Plane, parse};
use crate::kernel::id::StoreName;
use crate::kernel::tier::Tier;

/// Storage classes of Amazon whose objects have to be restored before they can be read.
const ARCHIVE_CLASSES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// How fast they are restored: the names are Amazon's.
const RESTORE_TIERS: [&str; 3] = ["Standard", "Bulk", "Expedited"];

/// A store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Its name.
    pub name: StoreName,
    /// Where it is.
    pub place: StorePlace,
    /// Whether clients that verify what they get are sent to the store itself for it.
    pub redirect: bool,
    /// How near its bytes are.
    pub tier: Tier,
    /// Objects of fewer bytes are not moved here.
    pub min_object_bytes: u64,
    /// Days that are charged for at least, however soon an object goes.
    pub early_delete_days: u32,
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
        /// How fast objects are restored that have to be.
        restore_tier: String,
    },
    /// With data nodes; a control node that runs apart knows it by name.
    Elsewhere,
}

impl StorePlace {
    /// What kind of store it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Filesystem { .. } => "filesystem",
            Self::S3 { .. } => "s3",
            Self::Elsewhere => "elsewhere",
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
    #[serde(alias = "restore_tier")]
    restore_tier: Option<String>,
    #[serde(default)]
    redirect: bool,
    tier: Option<String>,
    #[serde(default, alias = "min_object_bytes")]
    min_object_bytes: u64,
    #[serde(default, alias = "early_delete_days")]
    early_delete_days: u32,
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
    fn resolve(self, plane: Plane) -> Result<StoreSettings, Error> {
        let name: StoreName = parse("[[store]] name", &self.name)?;
        let tier = self.tier.as_deref().map(|tier| parse("[[store]] tier", tier)).transpose()?;
        let tier = tier.unwrap_or_default();
        let (redirect, min_object_bytes) = (self.redirect, self.min_object_bytes);
        let early_delete_days = self.early_delete_days;
        let place = self.place(plane)?;
        if let StorePlace::S3 { storage_class: Some(class), .. } = &place
            && ARCHIVE_CLASSES.contains(&&**class)
        {
            if tier != Tier::Cold {
                return Err(refused(
                    name.as_str(),
                    "objects of that storage-class have to be restored: tier = \"cold\"",
                ));
            }
            if redirect {
                return Err(refused(name.as_str(), "nobody is redirected to what has to be restored first"));
            }
        }
        Ok(StoreSettings { name, place, redirect, tier, min_object_bytes, early_delete_days })
    }

    fn place(self, plane: Plane) -> Result<StorePlace, Error> {
        let of_s3 = [
            &self.bucket,
            &self.endpoint,
            &self.region,
            &self.prefix,
            &self.storage_class,
            &self.restore_tier,
        ];
        let has_of_s3 = of_s3.iter().any(|given| given.is_some());
        let refuse = |reason| Err(refused(&self.name, reason));
        match &*self.kind {
            "filesystem" | "elsewhere" if has_of_s3 => {
                refuse("only a store of kind s3 has a bucket, and what belongs to one")
            }
            "filesystem" | "elsewhere" if self.redirect => {
                refuse("only a store of kind s3 can be redirected to")
            }
            "elsewhere" if plane != Plane::Control => {
                refuse("kind elsewhere is for plane = \"control\": whoever has bytes says where they lie")
            }
            "elsewhere" | "s3" if self.path.is_some() => refuse("only a store of kind filesystem has a path"),
            "elsewhere" => Ok(StorePlace::Elsewhere),
            "filesystem" => match self.path {
                Some(path) => Ok(StorePlace::Filesystem { path }),
                None => refuse("path is missing"),
            },
            "s3" => {
                let restore_tier = self.restore_tier.unwrap_or_else(|| RESTORE_TIERS[0].to_owned());
                if !RESTORE_TIERS.contains(&&*restore_tier) {
                    return Err(refused(&self.name, "restore-tier is Standard, Bulk or Expedited"));
                }
                Ok(StorePlace::S3 {
                    bucket: self.bucket.ok_or_else(|| refused(&self.name, "bucket is missing"))?,
                    endpoint: self.endpoint.map(|endpoint| checked(&self.name, endpoint)).transpose()?,
                    region: self.region,
                    prefix: self.prefix.unwrap_or_default(),
                    storage_class: self.storage_class,
                    restore_tier,
                })
            }
            _ => refuse("kind is filesystem, s3, or on a control node elsewhere"),
        }
    }
}

impl StoreSettings {
    /// A directory of this machine that everything goes to.
    fn alone(name: StoreName, path: PathBuf) -> Self {
        let place = StorePlace::Filesystem { path };
        Self { name, place, redirect: false, tier: Tier::Hot, min_object_bytes: 0, early_delete_days: 0 }
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
    plane: Plane,
) -> Result<Vec<StoreSettings>, Error> {
    let Some(listed) = listed else {
        let name = parse("store", chosen.unwrap_or("main"))?;
        let path = blobs_dir.unwrap_or(default_dir);
        return Ok(vec![StoreSettings::alone(name, path)]);
    };
    if blobs_dir.is_some() {
        let reason = "is for a node without [[store]] in its settings file".to_owned();
        return Err(Error::Value { place: "blobs-dir".to_owned(), reason });
    }
    let resolved = listed.into_iter().map(|store| store.resolve(plane));
    let mut stores = resolved.collect::<Result<Vec<_>, _>>()?;
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
    if stores[0].tier != Tier::Hot {
        return Err(refused(stores[0].name.as_str(), "deposits go to it, and they go to a hot store"));
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
        resolved_on(Plane::All, text, chosen)
    }

    fn resolved_on(plane: Plane, text: &str, chosen: Option<&str>) -> Result<Vec<StoreSettings>, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let Some(Stores::Listed(listed)) = file.store else { panic!("a list") };
        resolve(Some(listed), chosen, None, "/blobs".into(), plane).map_err(|error| error.to_string())
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
            ("[[store]]\nname = 'a'\nkind = 'tape'", "kind is filesystem, s3"),
            ("[[store]]\nname = 'a'\nkind = 's3'", "bucket is missing"),
            ("[[store]]\nname = 'a'\nkind = 'filesystem'", "path is missing"),
            (
                "[[store]]\nname = 'a'\nkind = 'filesystem'\npath = '/x'\nbucket = 'b'",
                "only a store of kind s3",
            ),
            ("[[store]]\nname = 'a'\nkind = 'filesystem'\npath = '/x'\nredirect = true", "redirected"),
            ("[[store]]\nname = 'a'\nkind = 's3'\nbucket = 'b'\npath = '/x'", "has a path"),
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

    const HOT: &str = "[[store]]\nname = 'hot'\nkind = 'filesystem'\npath = '/srv'\n";

    #[test]
    fn a_store_is_hot_and_takes_everything_unless_it_says_otherwise() {
        let cold = "[[store]]\nname = 'cold'\nkind = 's3'\nbucket = 'b'\ntier = 'cold'\nstorage-class = 'DEEP_ARCHIVE'\n\
            restore-tier = 'Bulk'\nmin-object-bytes = 131072\nearly-delete-days = 180";
        let stores = resolved(&format!("{HOT}{cold}"), None).unwrap();
        assert_eq!(
            (stores[0].tier, stores[0].min_object_bytes, stores[0].early_delete_days),
            (Tier::Hot, 0, 0)
        );
        let found = (stores[1].tier, stores[1].min_object_bytes, stores[1].early_delete_days);
        assert_eq!(found, (Tier::Cold, 131_072, 180));
        assert!(matches!(&stores[1].place, StorePlace::S3 { restore_tier, .. } if restore_tier == "Bulk"));
        assert!(
            matches!(&resolved(TWO, None).unwrap()[1].place, StorePlace::S3 { restore_tier, .. } if restore_tier == "Standard")
        );
    }

    #[test]
    fn tiers_that_could_not_work_are_refused() {
        let archive = "[[store]]\nname = 'b'\nkind = 's3'\nbucket = 'b'\nstorage-class = 'GLACIER'\n";
        for (text, chosen, part) in [
            (format!("{HOT}{archive}"), None, "tier = \"cold\""),
            (format!("{HOT}{archive}tier = 'cold'\nredirect = true"), None, "redirected"),
            (format!("{HOT}{archive}tier = 'tepid'"), None, "[[store]] tier"),
            (format!("{HOT}{archive}tier = 'cold'\nrestore-tier = 'Soon'"), None, "restore-tier"),
            (format!("{HOT}restore-tier = 'Bulk'"), None, "only a store of kind s3"),
            (format!("{HOT}tier = 'warm'"), None, "hot store"),
            (format!("{HOT}{archive}tier = 'cold'"), Some("b"), "hot store"),
        ] {
            let error = resolved(&text, chosen).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let instant = archive.replace("GLACIER", "GLACIER_IR");
        assert!(resolved(&format!("{HOT}{instant}"), None).is_ok(), "it is read at once");
    }

    #[test]
    fn a_control_node_names_stores_that_it_does_not_have() {
        let text = "[[store]]\nname = 'main'\nkind = 'elsewhere'\n\
            [[store]]\nname = 'tape'\nkind = 'elsewhere'\ntier = 'cold'\nearly-delete-days = 90\n";
        let stores = resolved_on(Plane::Control, text, None).unwrap();
        assert_eq!((stores[1].place.kind(), stores[1].tier), ("elsewhere", Tier::Cold));
        for plane in [Plane::All, Plane::Data] {
            assert!(resolved_on(plane, text, None).unwrap_err().contains("kind elsewhere"), "{plane:?}");
        }
        for (more, part) in
            [("path = '/x'", "has a path"), ("bucket = 'b'", "kind s3"), ("redirect = true", "kind s3")]
        {
            let error = resolved_on(Plane::Control, &format!("{text}{more}"), None).unwrap_err();
            assert!(error.contains(part), "{more}: {error}");
        }
    }

    #[test]
    fn one_store_needs_no_list() {
        let file: File = toml::from_str("store = 'one'").unwrap();
        assert_eq!(file.store, Some(Stores::Named("one".into())));
        let stores = resolve(None, Some("one"), None, "/blobs".into(), Plane::All).unwrap();
        assert_eq!((stores[0].name.as_str(), stores.len()), ("one", 1));
        assert!(resolve(Some(Vec::new()), None, None, "/blobs".into(), Plane::All).is_err());
    }
}
