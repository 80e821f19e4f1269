//! A log that goes on from an older backup of itself says so, before anything else.

use super::append::{Change, Ids, Retries};
use super::{Control, Error};
use crate::kernel::event::{Fact, LogRestored};
use crate::kernel::id::{Actor, StreamName};
use crate::log::read;

/// Puts on record that a signed checkpoint is not continued, unless that is the last thing which was put on record so.
///
/// # Errors
/// If the log takes nothing.
pub async fn record(control: &Control, actor: &Actor, lost: LogRestored) -> Result<(), Error> {
    let stream = StreamName::restorations();
    let mut retries = Retries::default();
    loop {
        let version = control.version(&stream).await?;
        let last = read::last_of_stream(control.pool(), &stream).await?;
        let last = last.map(read::Raw::decode).transpose()?;
        if last.is_some_and(|last| last.event.fact == Fact::LogRestored(lost)) {
            return Ok(());
        }
        let change = Change {
            events: Ids::Fresh.assign(vec![lost.into()]),
            expected: vec![(stream.clone(), version)],
            ..Change::default()
        };
        match control.append(actor, None, change).await {
            Ok(_) => return Ok(()),
            Err(error) => retries.after(error).await?,
        }
    }
}
