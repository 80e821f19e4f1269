//! `repository.created`, `repository.updated`: `{ "repository": text, "public": bool }`.

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};

/// A repository came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryCreated {
    /// Its name.
    pub repository: RepositoryName,
    /// Whether anyone may read it without a token.
    pub public: bool,
}

impl Data for RepositoryCreated {
    const TYPE: &'static str = "repository.created";

    fn write(&self) -> Vec<(String, Value)> {
        map([("repository", text(&self.repository)), ("public", Some(Value::Bool(self.public)))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { repository: fields.parse("repository")?, public: fields.boolean("public")? })
    }
}

/// A repository's settings changed: the whole of them, as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUpdated {
    /// Its name.
    pub repository: RepositoryName,
    /// Whether anyone may read it without a token.
    pub public: bool,
}

impl Data for RepositoryUpdated {
    const TYPE: &'static str = "repository.updated";

    fn write(&self) -> Vec<(String, Value)> {
        map([("repository", text(&self.repository)), ("public", Some(Value::Bool(self.public)))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { repository: fields.parse("repository")?, public: fields.boolean("public")? })
    }
}
