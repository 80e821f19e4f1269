//! What the operations that govern how long packages are kept are about, take and give.

use super::described::{Described, PAGE, about};
use crate::http::problem::Code;
use crate::wire::{application, collection, deletion, erasure, hold, lock, pin, retrieval, tier};

pub(super) fn described(name: &str) -> Option<Described> {
    pins(name)
        .or_else(|| protection(name))
        .or_else(|| erasures(name))
        .or_else(|| plans(name))
        .or_else(|| tiers(name))
}

fn pins(name: &str) -> Option<Described> {
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

/// Of holds, locks and garbage collection.
fn protection(name: &str) -> Option<Described> {
    Some(match name {
        "deletions::delete" => about("Delete a package, if nothing keeps it; a refusal names all that does")
            .header("Idempotency-Key")
            .takes::<deletion::DeletePackage>()
            .gives::<deletion::DeletedPackage>(200, "Its tombstone is in the log")
            .refuses(&[Code::InvalidArgument, Code::ManifestUnknown, Code::PackageKept, Code::ScopeMissing]),
        "deletions::why" => about("What keeps a package, and what today's policies would do with it")
            .gives::<deletion::WhyKept>(200, "Now")
            .refuses(&[Code::ManifestUnknown, Code::PackageDeleted, Code::RepositoryUnknown]),
        "holds::list" => about("Holds, by name; needs `retention:hold`, `retention:plan` or `log:read`")
            .query(PAGE)
            .gives::<hold::Holds>(200, "A page")
            .refuses(&[Code::ScopeMissing]),
        "holds::place" => about("Let nothing that it covers be deleted; needs `retention:hold`")
            .header("Idempotency-Key")
            .takes::<hold::PlaceHold>()
            .gives::<hold::HoldEntry>(201, "Placed")
            .refuses(&[
                Code::InvalidArgument,
                Code::HoldExists,
                Code::ManifestUnknown,
                Code::RepositoryUnknown,
                Code::ScopeMissing,
            ]),
        "holds::get" => about("One hold; needs `retention:hold`, `retention:plan` or `log:read`")
            .gives::<hold::HoldEntry>(200, "It")
            .refuses(&[Code::HoldUnknown, Code::ScopeMissing]),
        "holds::release" => about("Let go of what a hold covers; needs `retention:hold`")
            .header("Idempotency-Key")
            .takes::<hold::ReleaseHold>()
            .gives::<hold::HoldEntry>(200, "Released")
            .refuses(&[Code::InvalidArgument, Code::HoldUnknown, Code::HoldReleased, Code::ScopeMissing]),
        "locks::extend" => about("Let a package not be deleted before a time; needs `retention:lock`")
            .header("Idempotency-Key")
            .takes::<lock::ExtendLock>()
            .gives::<lock::PackageLocks>(200, "Locked")
            .refuses(&[Code::InvalidArgument, Code::ManifestUnknown, Code::LockNotLater, Code::ScopeMissing]),
        "locks::bypass" => about("Let governance locks not count; needs `retention:bypass`")
            .header("Idempotency-Key")
            .takes::<lock::BypassLock>()
            .gives::<lock::PackageLocks>(200, "Bypassed")
            .refuses(&[Code::InvalidArgument, Code::ManifestUnknown, Code::NotLocked, Code::ScopeMissing]),
        "collection::status" => about("What may be collected, and what was; needs `retention:plan`")
            .gives::<collection::CollectionStatus>(200, "Now")
            .refuses(&[Code::ScopeMissing]),
        "collection::step" => about("One step of a collection; needs `retention:apply`")
            .header("Idempotency-Key")
            .takes::<collection::Collect>()
            .gives::<collection::Collected>(200, "What it did")
            .refuses(&[Code::ScopeMissing, Code::OrderUntaken]),
        _ => return None,
    })
}

fn erasures(name: &str) -> Option<Described> {
    Some(match name {
        "erasures::package" => about(
            "Erase a package because a law demands it; needs `retention:erase`, and `retention:bypass` where a governance \
             lock is in the way. One step: repeated with `next` as `after` until there is none",
        )
        .header("Idempotency-Key")
        .takes::<erasure::ErasePackage>()
        .gives::<erasure::ErasedPackage>(200, "What went, and what stays and why")
        .refuses(&[Code::InvalidArgument, Code::ManifestUnknown, Code::PackageKept, Code::ScopeMissing])
        .refuses(&[Code::OrderUntaken]),
        "erasures::document" => {
            about("Erase what somebody said because a law demands it; needs `retention:erase`")
                .header("Idempotency-Key")
                .takes::<erasure::EraseDocument>()
                .gives::<erasure::ErasedDocument>(200, "It is gone")
                .refuses(&[Code::InvalidArgument, Code::DocumentUnknown, Code::DocumentNeeded])
                .refuses(&[Code::ScopeMissing])
        }
        _ => return None,
    })
}

fn tiers(name: &str) -> Option<Described> {
    Some(match name {
        "tiers::status" => about("What lies in which store, and waits to be moved; needs `retention:plan`")
            .gives::<tier::TierStatus>(200, "Now")
            .refuses(&[Code::ScopeMissing]),
        "tiers::step" => about("One step of the mover; needs `retention:apply`")
            .header("Idempotency-Key")
            .takes::<tier::MoveBlobs>()
            .gives::<tier::MovedBlobs>(200, "What it did")
            .refuses(&[Code::ScopeMissing, Code::OrderUntaken]),
        "tiers::retrieve" => about("Ask for a package that lies in a cold store; needs `pull`")
            .header("Idempotency-Key")
            .takes::<retrieval::RetrievePackage>()
            .gives::<retrieval::RetrievalEntry>(200, "The retrieval that stands, as far as it is")
            .refuses(&[Code::InvalidArgument, Code::ManifestUnknown, Code::RepositoryUnknown])
            .refuses(&[Code::RetrievalUnneeded, Code::ScopeMissing]),
        "tiers::retrieval" => about("How far a retrieval is")
            .gives::<retrieval::RetrievalEntry>(200, "Now")
            .refuses(&[Code::RetrievalUnknown]),
        "tiers::retrievals" => about("Retrievals of a repository, the last first")
            .query(PAGE)
            .gives::<retrieval::Retrievals>(200, "A page")
            .refuses(&[Code::RepositoryUnknown]),
        _ => return None,
    })
}

fn plans(name: &str) -> Option<Described> {
    Some(match name {
        "plans::submit" => about("Submit a plan by its documents; needs `retention:plan`")
            .takes_bytes(crate::retention::Plan::SEQUENCE_MEDIA_TYPE)
            .gives::<application::SubmittedPlan>(201, "It can be approved and applied")
            .refuses(&[Code::PlanInvalid, Code::PlanTooMuch, Code::MediaTypeUnsupported, Code::ScopeMissing]),
        "plans::list" => about("Plans, in the order in which they were submitted")
            .query(PAGE)
            .gives::<application::SubmittedPlans>(200, "A page")
            .refuses(&[Code::ScopeMissing]),
        "plans::get" => about("A plan that was submitted, and what became of it")
            .gives::<application::SubmittedPlan>(200, "Now")
            .refuses(&[Code::PlanUnknown, Code::ScopeMissing]),
        "plans::documents" => about("The documents of a plan, as one sequence")
            .gives_bytes(200, "Header and parts", &[crate::retention::Plan::SEQUENCE_MEDIA_TYPE])
            .refuses(&[Code::PlanUnknown, Code::ScopeMissing]),
        "plans::approve" => about("Allow a plan that somebody else submitted; needs `retention:approve`")
            .gives::<application::SubmittedPlan>(200, "It may be applied")
            .refuses(&[Code::PlanUnknown, Code::OwnPlan, Code::ScopeMissing]),
        "plans::apply" => about("One step of a plan's application; needs `retention:apply`")
            .takes::<application::ApplyPlan>()
            .gives::<application::AppliedStep>(200, "What it did, and what it skipped and why")
            .refuses(&[Code::PlanUnknown, Code::PlanStale, Code::PlanNotApproved, Code::PlanTooMuch])
            .refuses(&[Code::ScopeMissing]),
        _ => return None,
    })
}
