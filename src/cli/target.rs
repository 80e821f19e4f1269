//! Names as people write them.

use std::str::FromStr;

use anyhow::bail;

use crate::kernel::id::{self, RepositoryName, Tag};

/// `<repository>[:tag]`: where something is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) repository: RepositoryName,
    pub(super) tag: Option<Tag>,
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text.contains('@') {
            bail!(
                "a digest is what comes of a push, not where it goes; write <repository> or <repository>:<tag>"
            );
        }
        let (repository, tag) = match text.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.parse()?)),
            None => (text, None),
        };
        Ok(Self { repository: repository.parse()?, tag })
    }
}

/// `<repository>:<tag>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tagged {
    pub(super) repository: RepositoryName,
    pub(super) tag: Tag,
}

impl FromStr for Tagged {
    type Err = id::Error;

    fn from_str(text: &str) -> Result<Self, id::Error> {
        let grammar = id::Error::Grammar { what: "a tag of a repository", grammar: "<repository>:<tag>" };
        let (repository, tag) = text.split_once(':').ok_or(grammar)?;
        Ok(Self { repository: repository.parse()?, tag: tag.parse()? })
    }
}

/// `key=value`.
pub(super) fn annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("an annotation is written key=value".into()),
    }
}

/// A span of time: `90d`, `12h`, `30m`, `45s`. Its seconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "a span of time is written as 90d, 12h, 30m or 45s".to_owned();
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

/// A number of bytes: `10GiB`, `500MB`, `4096`.
pub(super) fn byte_count(text: &str) -> Result<u64, String> {
    let wrong = || "a number of bytes is written as 10GiB, 500MB or 4096".to_owned();
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "kB", "MB", "GB", "TB", "PB"];
    let scale = match units.iter().position(|known| *known == unit) {
        _ if unit.is_empty() => 1,
        Some(power @ 0..=5) => 1_u64 << (10 * power),
        Some(power) => 1_000_u64.pow(u32::try_from(power - 5).map_err(|_| wrong())?),
        None => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(scale)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_repository_with_or_without_a_tag() {
        let target: Target = "acme/reports:v1".parse().unwrap();
        assert_eq!((target.repository.as_str(), target.tag.unwrap().as_str()), ("acme/reports", "v1"));
        assert_eq!("acme/reports".parse::<Target>().unwrap().tag, None);
        for bad in ["", "Acme", "a:", "a:b:c", "a@blake3:00", ":v1"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
        assert!("acme/reports".parse::<Tagged>().is_err());
    }

    #[test]
    fn bytes_are_counted_in_either_thousand() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4_096),
            ("7B", 7),
            ("10GiB", 10 << 30),
            ("500MB", 500_000_000),
            ("1kB", 1_000),
            ("2PiB", 2 << 50),
        ] {
            assert_eq!(byte_count(text), Ok(bytes), "{text}");
        }
        for bad in ["", "GiB", "1.5GiB", "-1", "10 GiB", "10gib", "99999999PiB"] {
            assert!(byte_count(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn annotations_and_spans_of_time_are_read() {
        assert_eq!(annotation("a.b=c=d"), Ok(("a.b".into(), "c=d".into())));
        assert_eq!(annotation("a="), Ok(("a".into(), String::new())));
        assert!(annotation("=a").is_err() && annotation("a").is_err());
        assert_eq!(seconds("90d"), Ok(7_776_000));
        assert_eq!(seconds("45s"), Ok(45));
        for bad in ["", "1", "d", "1w", "0s", "-1d", "99999999999999999999d", "1d2h"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
