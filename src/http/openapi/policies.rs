//! What the operations that say how long things are kept are about, take and give.

use super::described::{Described, PAGE, about};
use crate::http::problem::Code;
use crate::wire::{plan, policy};

/// The operation of that name, if it is one of these.
pub(super) fn described(name: &str) -> Option<Described> {
    Some(match name {
        "policies::list" => {
            about("Policies that stand, by name; needs `retention:plan` or `admin`, as for all reading here")
                .query(PAGE)
                .gives::<policy::Policies>(200, "A page")
                .refuses(&[Code::ScopeMissing])
        }
        "policies::get" => about("What a policy says, in the form in which it may be set again")
            .query(&["version"])
            .header("If-None-Match")
            .gives::<policy::PolicyDocument>(200, "The version that stands, or the one asked for")
            .gives_nothing(304, "The caller has it")
            .refuses(&[Code::InvalidPath, Code::PolicyUnknown, Code::ScopeMissing]),
        "policies::set" => {
            about("Set a policy, in TOML or JSON; what it does not name at its top stays as it was before")
                .header("Idempotency-Key")
                .takes_bytes(policy::TOML_MEDIA_TYPE)
                .gives::<policy::PolicyChanged>(200, "Set, or what stood already")
                .refuses(&[
                    Code::InvalidPath,
                    Code::InvalidBody,
                    Code::MediaTypeUnsupported,
                    Code::PolicyInvalid,
                    Code::TooManyPolicies,
                    Code::ScopeMissing,
                ])
        }
        "policies::remove" => about("Let a policy stand no more; locks that it recorded stay")
            .header("Idempotency-Key")
            .gives_nothing(204, "Removed")
            .refuses(&[Code::InvalidPath, Code::PolicyUnknown, Code::ScopeMissing]),
        "retention::plan" => about(
            "What policies would do now, as one of the log's sizes; writes nothing; needs `retention:plan`",
        )
        .header("Accept")
        .takes::<plan::MakePlan>()
        .gives::<plan::Plan>(200, "The plan; or its documents as a sequence, by `Accept`")
        .refuses(&[Code::PolicyUnknown, Code::PlanTooLarge, Code::NotAcceptable, Code::ScopeMissing]),
        "retention::test" => about(
            "What a policy would do if it were set by that name; writes nothing; needs `retention:plan`",
        )
        .query(&["policy"])
        .header("Accept")
        .takes_bytes(policy::TOML_MEDIA_TYPE)
        .gives::<plan::Plan>(200, "The plan; or its documents as a sequence, by `Accept`")
        .refuses(&[
            Code::InvalidBody,
            Code::MediaTypeUnsupported,
            Code::PolicyInvalid,
            Code::PlanTooLarge,
            Code::NotAcceptable,
            Code::ScopeMissing,
        ]),
        "policies::history" => about("Every version of a policy, and its removals, from the log")
            .query(PAGE)
            .gives::<policy::PolicyVersions>(200, "A page")
            .refuses(&[Code::InvalidPath, Code::PolicyUnknown, Code::ScopeMissing]),
        _ => return None,
    })
}
