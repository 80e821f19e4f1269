//! What control asks about repositories, and which of them a caller sees.

use sqlx::PgExecutor;

use crate::kernel::event::Provenance;
use crate::kernel::id::RepositoryName;
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("repositories");

/// Which repositories a caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visible {
    /// All.
    All,
    /// Some: those that match one of the patterns, and with `public` those that anyone may read.
    Some {
        /// Of their names.
        patterns: Vec<NamePattern>,
        /// Whether public ones are seen too.
        public: bool,
    },
}

/// A pattern of repository names, as SQL matches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    /// `*` stands for any run of characters, `/` among them; all else stands for itself.
    pub fn glob(glob: &str) -> Self {
        let mut like = String::with_capacity(glob.len() + 4);
        for character in glob.chars() {
            match character {
                '*' => like.push('%'),
                '%' | '_' | '\\' => like.extend(['\\', character]),
                other => like.push(other),
            }
        }
        Self(like)
    }
}

/// For the parameters of a query: all, patterns, public.
impl Visible {
    pub(in crate::views) fn parameters(&self) -> (bool, Vec<&str>, bool) {
        match self {
            Self::All => (true, Vec::new(), true),
            Self::Some { patterns, public } => {
                (false, patterns.iter().map(|pattern| pattern.0.as_str()).collect(), *public)
            }
        }
    }
}

/// A repository, its settings and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name.
    pub name: RepositoryName,
    /// Whether anyone may read it without a token.
    pub public: bool,
    /// What pins ask of packages.
    pub provenance: Provenance,
    /// Bytes of the blobs linked in it, at most; 0 for any number.
    pub quota_bytes: u64,
    /// Packages accepted in it, at most; 0 for any number.
    pub quota_packages: u64,
    /// When it came to be, milliseconds since the epoch.
    pub created_at_ms: u64,
    /// When its settings last changed.
    pub updated_at_ms: u64,
    /// The event that last changed its settings.
    pub position: u64,
    /// Packages in it.
    pub packages: u64,
    /// Distinct blobs linked to it.
    pub blobs: u64,
    /// Bytes of those blobs together.
    pub blobs_bytes: u64,
}

struct Row {
    name: String,
    public: bool,
    provenance: String,
    quota_bytes: i64,
    quota_packages: i64,
    created_at_ms: i64,
    updated_at_ms: i64,
    position: i64,
    packages: i64,
    blobs: i64,
    blobs_bytes: i64,
}

impl TryFrom<Row> for Repository {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            name: TABLE.parse("name", &row.name)?,
            public: row.public,
            provenance: TABLE.parse("provenance", &row.provenance)?,
            quota_bytes: TABLE.unsigned("quota_bytes", row.quota_bytes)?,
            quota_packages: TABLE.unsigned("quota_packages", row.quota_packages)?,
            created_at_ms: TABLE.unsigned("created_at_ms", row.created_at_ms)?,
            updated_at_ms: TABLE.unsigned("updated_at_ms", row.updated_at_ms)?,
            position: TABLE.unsigned("position", row.position)?,
            packages: TABLE.unsigned("packages", row.packages)?,
            blobs: TABLE.unsigned("blobs", row.blobs)?,
            blobs_bytes: TABLE.unsigned("blobs_bytes", row.blobs_bytes)?,
        })
    }
}

/// A repository, if it exists.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(db: impl PgExecutor<'_>, name: &RepositoryName) -> Result<Option<Repository>, Error> {
    sqlx::query_file_as!(Row, "src/views/repositories/get.sql", name.as_str())
        .fetch_optional(db)
        .await?
        .map(Repository::try_from)
        .transpose()
}

/// A page of the visible ones, by name, behind `after`.
///
/// # Errors
/// As [`get`].
pub async fn list(
    db: impl PgExecutor<'_>,
    visible: &Visible,
    after: Option<&RepositoryName>,
    limit: u32,
) -> Result<Vec<Repository>, Error> {
    // No name is empty, so all are behind the empty text.
    let after = after.map_or("", RepositoryName::as_str);
    let (all, patterns, public) = visible.parameters();
    sqlx::query_file_as!(
        Row,
        "src/views/repositories/list.sql",
        after,
        i64::from(limit),
        all,
        &patterns as _,
        public
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Repository::try_from)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_star_of_a_pattern_is_special() {
        assert_eq!(NamePattern::glob("acme/*"), NamePattern("acme/%".into()));
        assert_eq!(NamePattern::glob(r"a_b%c\*"), NamePattern(r"a\_b\%c\\%".into()));
    }
}
