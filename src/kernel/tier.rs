//! How near bytes are: what a store is, and what a package is to be.

use std::fmt;
use std::str::FromStr;

/// How near bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Tier {
    /// At hand.
    #[default]
    Hot,
    /// At hand, for less.
    Warm,
    /// To be retrieved before they are read.
    Cold,
}

impl Tier {
    /// All of them, the nearest first.
    pub const ALL: [Self; 3] = [Self::Hot, Self::Warm, Self::Cold];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tier {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tier| tier.name() == text).ok_or("`hot`, `warm` or `cold`")
    }
}
