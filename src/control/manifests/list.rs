//! The packages of a repository, listed.

use crate::access::Caller;
use crate::control::Control;
use crate::control::manifests::Error;
use crate::control::repositories::load_readable;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{PinName, RepositoryName, Tag};
use crate::views::manifests::{self as view, Manifest};
use crate::views::{pins as pin_view, tags as tag_view};

/// A package in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The package.
    pub manifest: Manifest,
    /// The tags that name it now.
    pub tags: Vec<Tag>,
    /// The pins that claim it now.
    pub pins: Vec<PinName>,
}

/// A page of a repository's packages, in the order in which they were accepted, behind that position.
///
/// # Errors
/// If there is no such repository, or the caller may not read it.
pub async fn list(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<Listed>, Error> {
    if load_readable(control, caller, repository).await?.is_none() {
        return Err(Error::RepositoryUnknown(repository.clone()));
    }
    let manifests = view::list(control.pool(), repository, after, limit).await?;
    let digests: Vec<Blake3> = manifests.iter().map(|manifest| manifest.blake3).collect();
    let tags = tag_view::of_manifests(control.pool(), repository, &digests).await?;
    let pins = pin_view::of_manifests(control.pool(), repository, &digests).await?;
    let claimed = |digest| pins.iter().filter(move |(of, _)| *of == digest).map(|(_, pin)| pin.clone());
    let named = |digest| tags.iter().filter(move |(of, _)| *of == digest).map(|(_, tag)| tag.clone());
    Ok(manifests
        .into_iter()
        .map(|manifest| {
            let (tags, pins) = (named(manifest.blake3).collect(), claimed(manifest.blake3).collect());
            Listed { manifest, tags, pins }
        })
        .collect())
}
