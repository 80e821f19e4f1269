//! `log.restored`.
//!
//! ```text
//! log.restored = { "size": uint, "root": bytes .size 32 }
//! ```
//! The database was restored from a backup that is older than a checkpoint which was signed and given out. What stood
//! between this event and that size is lost. It is on record here, so that whoever holds that checkpoint learns why
//! the log does not continue it, and so that no object of that time is taken for one that nobody claims.

use super::{Data, Fields, Value, cbor, map};

/// The log goes on from an older backup of itself; a signed checkpoint is not continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRestored {
    /// Size in the checkpoint that is not continued.
    pub size: u64,
    /// Root in that checkpoint.
    pub root: [u8; 32],
}

impl Data for LogRestored {
    const TYPE: &'static str = "log.restored";

    fn write(&self) -> Vec<(String, Value)> {
        map([("size", Some(Value::Unsigned(self.size))), ("root", Some(Value::Bytes(self.root.to_vec())))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { size: fields.unsigned("size")?, root: fields.array_32("root")? })
    }
}
