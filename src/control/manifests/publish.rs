//! A package is published: accepted, and a pin moved to it, in one append. Both happens or neither.

use crate::access::Action;
use crate::control::manifests::decide::Command;
use crate::control::manifests::{Accepted, Error, decode, put};
use crate::control::{Context, Control, Precondition, pins};
use crate::kernel::digest::Digests;
use crate::kernel::id::{Reference, RepositoryName, Tag};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The package.
    pub manifest: Accepted,
    /// The pin.
    pub pin: pins::Set,
}

/// Accepts a package and makes a pin claim it; a tag too, if one is given, whatever it names.
///
/// # Errors
/// If it cannot be accepted or the pin cannot be set. Then nothing has changed.
pub async fn publish(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    bytes: &[u8],
    tag: Option<Tag>,
    pin: pins::Wanted,
) -> Result<Published, Error> {
    context.caller.require(Action::push(repository))?;
    let reference = Reference::Digest(Digests::of(bytes).blake3.into());
    let (document, rendering) = decode(bytes, &reference)?;
    let tag = tag.map(|tag| (tag, Precondition::Any));
    let command = Command { pin: Some(pin), ..Command::new(repository.clone(), &document, tag) };
    let (manifest, pin) = put(control, context, &command, &document, bytes, &rendering).await?;
    Ok(Published { manifest, pin: pin.expect("a command with a pin sets it") })
}
