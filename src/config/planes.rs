//! `plane`: what a process serves, and what it has to be told for that.
//!
//! - A data node holds no address of a database: one that is given, even in `DATABASE_URL`, is refused, so that whoever
//!   takes over the machine with the bytes finds no way to the log.
//! - What a plane has no use for is refused: whoever gave it expects something of it.

use std::str::FromStr;

use super::{Error, Source};

/// What a process serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plane {
    /// Both planes.
    #[default]
    All,
    /// The control plane: a database and no bytes.
    Control,
    /// The data plane: bytes and no database.
    Data,
}

impl Plane {
    /// Its name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Control => "control",
            Self::Data => "data",
        }
    }
}

impl FromStr for Plane {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::All, Self::Control, Self::Data];
        all.into_iter().find(|plane| plane.name() == text).ok_or("one of control, data, all")
    }
}

/// What a plane must have, and what it must not.
pub(super) fn check(plane: Plane, source: &Source) -> Result<(), Error> {
    let refuse = |setting, reason| Err(Error::Plane { setting, reason });
    match plane {
        Plane::Data if source.database_url.is_some() => refuse(
            "database-url",
            "a data node holds no address of a database, so that whoever takes it over finds no way to the log; take \
             it, and DATABASE_URL, away from this node",
        ),
        Plane::Data if source.control_url.is_none() => {
            refuse("control-url", "a data node has to be told where the control plane answers")
        }
        Plane::Data if source.data_url.is_some() => {
            refuse("data-url", "it stands in grants, so the control plane has to know it, not a data node")
        }
        Plane::Control if source.data_url.is_none() => refuse(
            "data-url",
            "a control node has no bytes: it has to be told where clients reach the data plane",
        ),
        Plane::All | Plane::Control if source.control_url.is_some() => {
            refuse("control-url", "this node is a control plane itself; only a data node asks another")
        }
        Plane::All | Plane::Control | Plane::Data => Ok(()),
    }
}

/// A base address, without a slash at its end.
pub(super) fn url(name: &str, value: &str) -> Result<String, Error> {
    let refused =
        || Error::Value { place: name.to_owned(), reason: "it looks like https://host:port".into() };
    let rest =
        value.strip_prefix("http://").or_else(|| value.strip_prefix("https://")).ok_or_else(refused)?;
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '"' | '<' | '>');
    if rest.is_empty() || rest.starts_with('/') || !rest.chars().all(is_plain) {
        return Err(refused());
    }
    // What stands in every grant has to be an address that clients can use: host and port are looked at too.
    reqwest::Url::parse(value).map_err(|_| refused())?;
    Ok(value.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Settings;

    fn flags(directory: &Path) -> Source {
        Source { state_dir: Some(directory.to_owned()), ..Source::default() }
    }

    #[test]
    fn each_plane_is_told_what_it_needs_and_nothing_that_it_must_not_know() {
        let text = |value: &str| Some(value.to_owned());
        let source = |plane: &str| Source { plane: text(plane), ..flags(Path::new("/state")) };
        let control = || Source { control_url: text("http://control:7070/"), ..source("data") };
        let data = Settings::resolve(control(), Source::default()).unwrap();
        assert_eq!((data.plane, data.control_url.as_deref()), (Plane::Data, Some("http://control:7070")));
        assert_eq!(data.node_token_file, Path::new("/state/node.token"));
        let urls = Source { data_url: text("https://d1/x/, https://d2"), ..source("control") };
        let settings = Settings::resolve(urls, Source::default()).unwrap();
        assert_eq!(settings.data_urls, ["https://d1/x", "https://d2"]);
        for (given, part) in [
            (Source { database_url: text("postgres://u:s3cret@h/d"), ..control() }, "holds no address"),
            (source("data"), "control-url"),
            (Source { data_url: text("https://d1"), ..control() }, "data-url"),
            (source("control"), "data-url"),
            (Source { control_url: text("https://c"), ..source("all") }, "control-url"),
            (Source { control_url: text("ftp://c"), ..source("data") }, "https://host:port"),
            (Source { control_url: text("http://u:p@c"), ..source("data") }, "https://host:port"),
            (Source { data_url: text("http://127.0.0.1:${PORT"), ..source("control") }, "https://host:port"),
            (Source { data_url: text("http://127.0.0.1:70710"), ..source("control") }, "https://host:port"),
            (source("both"), "one of control, data, all"),
        ] {
            let error = Settings::resolve(given, Source::default()).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
        // Also where it is only in the environment or in the file.
        let file = Source { database_url: text("postgres://h/d"), ..Source::default() };
        assert!(Settings::resolve(control(), file).is_err());
    }
}
