//! What the operations that govern how long packages are kept are about, take and give.

use super::described::{Described, PAGE, about};
use crate::http::problem::Code;
use crate::wire::pin;

pub(super) fn retention(name: &str) -> Option<Described> {
    Some(match name {
        "publications::publish" => {
            about("Accept a package and move a pin to it, in one step: both or neither")
                .header("If-Match")
                .header("If-None-Match")
                .header("Idempotency-Key")
                .takes::<pin::Publish>()
                .gives::<pin::Published>(201, "Both was done")
                .gives::<pin::Published>(200, "The package was accepted before")
                .refuses(&[
                    Code::ManifestInvalid,
                    Code::BlobsMissing,
                    Code::BlobsDamaged,
                    Code::InvalidArgument,
                ])
                .refuses(&[Code::PinMoved, Code::ProvenanceMissing, Code::QuotaExceeded, Code::ScopeMissing])
        }
        "pins::list" => about("The repository's pins, by name").query(PAGE).gives::<pin::Pins>(200, "A page"),
        "pins::get" => {
            about("What a pin claims; with `at`, a position or an RFC 3339 time, what it claimed then")
                .query(&["at"])
                .header("If-None-Match")
                .gives::<pin::PinEntry>(200, "As it is now, or was then")
                .gives_nothing(304, "The caller has it")
                .refuses(&[Code::PinUnknown])
        }
        "pins::set" => about("Claim a package, with a reason; what is not named stays as it was said before")
            .header("If-Match")
            .header("If-None-Match")
            .header("Idempotency-Key")
            .takes::<pin::SetPin>()
            .gives::<pin::PinChanged>(200, "Set")
            .refuses(&[Code::ManifestUnknown, Code::PinMoved, Code::ScopeMissing, Code::InvalidArgument])
            .refuses(&[Code::BlobsMissing, Code::BlobsDamaged, Code::ProvenanceMissing]),
        "pins::release" => about("Let a pin claim nothing, with a reason")
            .header("If-Match")
            .header("Idempotency-Key")
            .takes::<pin::ReleasePin>()
            .gives::<pin::PinReleased>(200, "Released")
            .refuses(&[Code::PinUnknown, Code::PinMoved, Code::ScopeMissing, Code::InvalidArgument]),
        "pins::history" => about("Every change of a pin, oldest first")
            .query(PAGE)
            .gives::<pin::PinHistory>(200, "A page")
            .refuses(&[Code::PinUnknown]),
        _ => return None,
    })
}
