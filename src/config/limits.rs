//! The bounds that an operator may move: each has a name, a default, and a least value with which the service still works.
//!
//! ```text
//! --limit NAME=N ..    STRONGROOM_LIMIT_<NAME>    [limits] NAME = N    default
//! ```
//! What bounds a format, a statement or a single request is no setting: see [`crate::kernel::limits`].

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Error, Plane};
use crate::kernel::limits::{
    ANSWER_STALL_SECONDS, BODY_IDLE_SECONDS, CONNECTIONS_MAX, FREE_SPACE_FLOOR_BYTES,
    REQUESTS_PER_ADDRESS_PER_SECOND, REQUESTS_PER_TOKEN_PER_SECOND, UPLOAD_BUFFER_BUDGET_BYTES,
    UPLOADS_AT_ONCE_MAX, UPLOADS_AT_ONCE_PER_CLIENT_MAX,
};

const MIB: u64 = 1024 * 1024;

/// Declares [`Limits`] as one table: where it bounds, name in settings, default, least value, meaning.
macro_rules! limits {
    ($($place:ident $field:ident $name:literal $default:expr, $least:literal, $about:literal;)*) => {
        /// The bounds of one service.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $about] pub $field: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Limits {
            /// The names of all of them.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Each with its name.
            pub fn each(&self) -> Vec<(&'static str, u64)> {
                vec![$(($name, self.$field)),*]
            }

            /// Whether there is nothing for it to bound where there is no data plane.
            pub fn is_of_data_plane(name: &str) -> bool {
                match name {
                    $($name => matches!(Place::$place, Place::Data),)*
                    _ => false,
                }
            }

            /// Sets one by its name.
            fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
                match name {
                    $($name if !($least..=u64::MAX).contains(&value) => return Err(format!("at least {}", $least)),
                      $name => self.$field = value,)*
                    _ => return Err(format!("no such limit; there are {}", Self::NAMES.join(", "))),
                }
                Ok(())
            }
        }
    };
}

/// Where there is something to bound.
enum Place {
    Anywhere,
    Data,
}

limits! {
    Anywhere connections "connections" CONNECTIONS_MAX as u64, 16,
        "Connections at once; more wait in the listener's queue.";
    Data uploads "uploads" UPLOADS_AT_ONCE_MAX, 1,
        "Requests that bring bytes at once; more are told to come back.";
    Data uploads_per_client "uploads-per-client" UPLOADS_AT_ONCE_PER_CLIENT_MAX, 1,
        "How many of them may be of one client.";
    Data buffer_mib "buffer-mib" UPLOAD_BUFFER_BUDGET_BYTES as u64 / MIB, 8,
        "MiB that all uploads together hold in memory.";
    Data buffer_percent_per_client "buffer-percent-per-client" 50, 1,
        "How many hundredths of that one client may hold.";
    Anywhere requests_per_token "requests-per-token" REQUESTS_PER_TOKEN_PER_SECOND, 0,
        "Requests a second by one token, or by one actor's grants; 0 bounds nothing.";
    Anywhere requests_per_address "requests-per-address" REQUESTS_PER_ADDRESS_PER_SECOND, 0,
        "Requests a second without a good token from one address; 0 bounds nothing.";
    Anywhere body_idle_seconds "body-idle-seconds" BODY_IDLE_SECONDS, 1,
        "Seconds for which a body may bring next to nothing.";
    Anywhere answer_stall_seconds "answer-stall-seconds" ANSWER_STALL_SECONDS, 1,
        "Seconds for which a caller may take nothing of an answer.";
    Data free_space_mib "free-space-mib" FREE_SPACE_FLOOR_BYTES / MIB, 0,
        "MiB that uploads leave free where the objects lie; 0 leaves none.";
}

impl Limits {
    /// Bytes that all uploads together hold in memory.
    pub fn buffer_bytes(&self) -> usize {
        usize::try_from(self.buffer_mib.saturating_mul(MIB)).unwrap_or(usize::MAX >> 4)
    }

    /// Bytes that one client's uploads hold in memory.
    pub fn buffer_bytes_per_client(&self) -> usize {
        self.buffer_bytes() / 100 * usize::try_from(self.buffer_percent_per_client.min(100)).expect("small")
    }

    /// Bytes that are left free.
    pub const fn free_space_bytes(&self) -> u64 {
        self.free_space_mib.saturating_mul(MIB)
    }

    /// By default, with what is given for that plane.
    pub(super) fn resolve(given: Given, plane: Plane) -> Result<Self, Error> {
        let mut limits = Self::default();
        for (name, value) in given.0 {
            let place = format!("limits.{name}");
            if plane == Plane::Control && Self::is_of_data_plane(&name) {
                let reason = "a control node has no bytes to bound: it belongs to the data nodes".to_owned();
                return Err(Error::Value { place, reason });
            }
            limits.set(&name, value).map_err(|reason| Error::Value { place, reason })?;
        }
        Ok(limits)
    }
}

/// The limits that one source names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Given(BTreeMap<String, u64>);

impl Given {
    /// Those that the environment names.
    pub(super) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let mut given = Self::default();
        for name in Limits::NAMES {
            let place = format!("STRONGROOM_LIMIT_{}", name.replace('-', "_").to_uppercase());
            let Some(value) = variable(&place).filter(|value| !value.is_empty()) else { continue };
            let value = value.parse().map_err(|_| Error::Value { place, reason: "a whole number".into() })?;
            given.0.insert((*name).to_owned(), value);
        }
        Ok(given)
    }

    /// One that a flag names: `NAME=N`.
    ///
    /// # Errors
    /// If it is not of that form.
    pub fn parse(text: &str) -> Result<(String, u64), String> {
        let (name, value) = text.split_once('=').ok_or("NAME=N")?;
        Ok((name.to_owned(), value.parse().map_err(|_| format!("{value:?} is no whole number"))?))
    }

    pub(super) fn or(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }
}

impl FromIterator<(String, u64)> for Given {
    fn from_iter<I: IntoIterator<Item = (String, u64)>>(given: I) -> Self {
        Self(given.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, value: u64) -> Given {
        Given::from_iter([(name.to_owned(), value)])
    }

    #[test]
    fn what_is_given_first_counts_and_the_rest_is_by_default() {
        let given = given("uploads", 7).or(given("uploads", 8)).or(given("free-space-mib", 1));
        let limits = Limits::resolve(given, Plane::All).unwrap();
        assert_eq!((limits.uploads, limits.free_space_bytes()), (7, MIB));
        assert_eq!(Limits { uploads: 1024, free_space_mib: 1024, ..limits }, Limits::default());
        assert_eq!(limits.buffer_bytes_per_client(), limits.buffer_bytes() / 100 * 50);
    }

    #[test]
    fn a_limit_that_is_unknown_or_too_small_is_refused_by_its_name() {
        for (name, value) in [("uplaods", 1), ("uploads", 0), ("buffer-mib", 7)] {
            let error = Limits::resolve(given(name, value), Plane::Data).unwrap_err();
            assert!(error.to_string().contains(&format!("limits.{name}")), "{error}");
        }
        for bad in ["uploads", "uploads=", "uploads=many", "uploads=-1"] {
            assert!(Given::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Given::parse("uploads=5").unwrap(), ("uploads".to_owned(), 5));
    }

    #[test]
    fn a_control_node_bounds_what_it_has() {
        let limits = Limits::resolve(given("connections", 20), Plane::Control).unwrap();
        assert_eq!(limits.connections, 20);
        for name in Limits::NAMES.iter().filter(|name| Limits::is_of_data_plane(name)) {
            let error = Limits::resolve(given(name, 100), Plane::Control).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("data nodes"), "{error}");
        }
    }

    #[test]
    fn every_limit_has_a_variable() {
        let variable = |name: &str| (name == "STRONGROOM_LIMIT_FREE_SPACE_MIB").then(|| "9".to_owned());
        let limits = Limits::resolve(Given::from_environment(variable).unwrap(), Plane::Data).unwrap();
        assert_eq!(limits.free_space_mib, 9);
        assert!(Given::from_environment(|_| Some("x".into())).is_err());
    }
}
