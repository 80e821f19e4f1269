//! `policy.set`, `policy.removed`: `{ "policy": text, "version": uint, ? "document": bytes .size 32 }`.
//!
//! What a policy says is a document (`application/vnd.strongroom.policy.v1+cbor`); versions of a name count from 1 and go on after
//! it was removed.

use super::{Data, Fields, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::id::PolicyName;

/// A policy stands as that document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet {
    /// Its name.
    pub policy: PolicyName,
    /// Which of its versions this is.
    pub version: u64,
    /// The document.
    pub document: Blake3,
}

impl Data for PolicySet {
    const TYPE: &'static str = "policy.set";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("policy", text(&self.policy)),
            ("version", Some(Value::Unsigned(self.version))),
            ("document", Some(Value::Bytes(self.document.as_bytes().to_vec()))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            policy: fields.parse("policy")?,
            version: fields.unsigned("version")?,
            document: Blake3::new(fields.array_32("document")?),
        })
    }
}

/// A policy stands no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRemoved {
    /// Its name.
    pub policy: PolicyName,
    /// The version that stood.
    pub version: u64,
}

impl Data for PolicyRemoved {
    const TYPE: &'static str = "policy.removed";

    fn write(&self) -> Vec<(String, Value)> {
        map([("policy", text(&self.policy)), ("version", Some(Value::Unsigned(self.version)))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { policy: fields.parse("policy")?, version: fields.unsigned("version")? })
    }
}
