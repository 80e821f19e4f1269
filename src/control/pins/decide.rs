//! Whether a pin is set or released, and what is recorded. Pure.

use crate::control::Precondition;
use crate::control::pins::said::{self, Said};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::event::{PinReleased, PinSet, Provenance};
use crate::kernel::id::{PinName, RepositoryName};
use crate::kernel::manifest::Annotations;
use crate::kernel::statement::Statement;

/// Annotations that say what a package was built from: OCI image-spec, annotations.md, "Pre-Defined Annotation Keys".
pub const PROVENANCE: [&str; 3] = [
    "org.opencontainers.image.source",
    "org.opencontainers.image.revision",
    "org.opencontainers.image.created",
];

/// A pin that is to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub pin: PinName,
    /// Why, and what it was built from.
    pub said: Said,
    /// What it must claim now.
    pub precondition: Precondition,
}

/// Why a pin is not set or released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not claim what the caller expected.
    #[error("the pin {pin} {}", match .current {
        Some(current) => format!("claims {current}, not what was expected; nothing was changed"),
        None => "does not exist, and was expected to; nothing was changed".to_owned(),
    })]
    Moved {
        /// Which.
        pin: PinName,
        /// What it claims now.
        current: Option<Blake3>,
    },
    /// What is said cannot be said.
    #[error(transparent)]
    Said(#[from] said::Error),
    /// The repository wants to know what packages were built from.
    #[error(
        "this repository pins only packages that say what they were built from; this one lacks the annotations {}",
        .missing.join(", ")
    )]
    ProvenanceMissing {
        /// Their names.
        missing: Vec<&'static str>,
    },
}

/// What a pin claims now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::control) struct Current {
    pub(in crate::control) digests: Digests,
    /// None if it was erased.
    pub(in crate::control) says: Option<Statement>,
    pub(in crate::control) position: u64,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::control) struct Decided {
    pub(in crate::control) fact: PinSet,
    pub(in crate::control) statement: Statement,
}

/// None if all of it is so already.
pub(in crate::control) fn decide_set(
    current: Option<&Current>,
    repository: &RepositoryName,
    wanted: &Wanted,
    manifest: Blake3,
) -> Result<Option<Decided>, Refused> {
    expected(current, &wanted.pin, wanted.precondition)?;
    let statement = wanted.said.after(current.and_then(|current| current.says.as_ref()));
    let same =
        |current: &Current| current.digests.blake3 == manifest && current.says.as_ref() == Some(&statement);
    if current.is_some_and(same) {
        return Ok(None);
    }
    let fact = PinSet {
        repository: repository.clone(),
        pin: wanted.pin.clone(),
        manifest,
        previous: current.map(|current| current.digests.blake3),
        statement: statement.digest(),
    };
    Ok(Some(Decided { fact, statement }))
}

/// None if there is no such pin.
pub(super) fn decide_release(
    current: Option<&Current>,
    repository: &RepositoryName,
    pin: &PinName,
    precondition: Precondition,
    statement: Blake3,
) -> Result<Option<PinReleased>, Refused> {
    expected(current, pin, precondition)?;
    let released = |current: &Current| PinReleased {
        repository: repository.clone(),
        pin: pin.clone(),
        previous: current.digests.blake3,
        statement,
    };
    Ok(current.map(released))
}

fn expected(current: Option<&Current>, pin: &PinName, precondition: Precondition) -> Result<(), Refused> {
    if precondition.holds(current.map(|current| &current.digests)) {
        return Ok(());
    }
    Err(Refused::Moved { pin: pin.clone(), current: current.map(|current| current.digests.blake3) })
}

/// The annotations that a package lacks and that the caller is to be warned of.
pub(in crate::control) fn decide_provenance(
    provenance: Provenance,
    annotations: &Annotations,
) -> Result<Vec<&'static str>, Refused> {
    let is_missing = |name: &&str| annotations.get(*name).is_none_or(|value| value.trim().is_empty());
    let missing: Vec<_> = PROVENANCE.into_iter().filter(is_missing).collect();
    match provenance {
        Provenance::Off => Ok(Vec::new()),
        Provenance::Enforce if !missing.is_empty() => Err(Refused::ProvenanceMissing { missing }),
        Provenance::Warn | Provenance::Enforce => Ok(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::given::given;
    use crate::kernel::statement::Key;

    fn name() -> RepositoryName {
        "acme/app".parse().unwrap()
    }

    fn wanted(precondition: Precondition, said: &[(Key, &str)]) -> Wanted {
        let values = said.iter().map(|(key, value)| (*key, (*value).to_owned()));
        Wanted { pin: "prod".parse().unwrap(), said: Said::new(values).unwrap(), precondition }
    }

    fn claiming(bytes: &[u8], says: &[(Key, &str)]) -> Option<Current> {
        let says = wanted(Precondition::Any, says).said.after(None);
        Some(Current { digests: Digests::of(bytes), says: Some(says), position: 7 })
    }

    fn set(state: &Option<Current>, to: &[u8], wanted: &Wanted) -> Result<Option<Decided>, Refused> {
        decide_set(state.as_ref(), &name(), wanted, Digests::of(to).blake3)
    }

    const WHY: &[(Key, &str)] = &[(Key::Reason, "release")];

    #[test]
    fn a_pin_is_set_with_what_it_claimed_before_and_what_is_said_of_it() {
        let old = Precondition::Is(Digests::of(b"old").sha256.into());
        let before = claiming(b"old", &[(Key::Reason, "first"), (Key::Build, "run 1")]);
        let decided = set(&before, b"new", &wanted(old, WHY)).unwrap().unwrap();
        assert_eq!(decided.fact.previous, Some(Digests::of(b"old").blake3));
        assert_eq!(decided.fact.statement, decided.statement.digest());
        assert_eq!(decided.statement.get(Key::Build), Some("run 1"));
        assert_eq!(decided.statement.reason(), Some("release"));
    }

    #[test]
    fn a_stale_expectation_is_refused_with_what_the_pin_claims_now() {
        let now = Digests::of(b"now").blake3;
        let stale = Precondition::Is(Digests::of(b"old").blake3.into());
        for precondition in [stale, Precondition::Absent] {
            given(claiming(b"now", WHY))
                .when(|pin| set(pin, b"new", &wanted(precondition, WHY)))
                .then_refused(
                    |error| matches!(error, Refused::Moved { current: Some(found), .. } if *found == now),
                );
        }
        given(None)
            .when(|pin| set(pin, b"new", &wanted(stale, WHY)))
            .then_refused(|error| matches!(error, Refused::Moved { current: None, .. }));
    }

    #[test]
    fn only_the_same_claim_for_the_same_reason_changes_nothing() {
        given(claiming(b"now", WHY)).when(|pin| set(pin, b"now", &wanted(Precondition::Any, WHY))).then(None);
        let other = wanted(Precondition::Any, &[(Key::Reason, "another")]);
        assert!(set(&claiming(b"now", WHY), b"now", &other).unwrap().is_some());
        let erased = claiming(b"now", WHY).map(|current| Current { says: None, ..current });
        assert!(set(&erased, b"now", &wanted(Precondition::Any, WHY)).unwrap().is_some());
    }

    #[test]
    fn a_pin_that_is_not_there_is_not_released() {
        let (pin, why) = ("prod".parse().unwrap(), Digests::of(b"why").blake3);
        let release = |state: &Option<Current>, precondition| {
            decide_release(state.as_ref(), &name(), &pin, precondition, why)
        };
        given(None).when(|state| release(state, Precondition::Any)).then(None);
        given(claiming(b"now", WHY))
            .when(|state| release(state, Precondition::Is(Digests::of(b"old").blake3.into())))
            .then_refused(|error| matches!(error, Refused::Moved { .. }));
        let released = release(&claiming(b"now", WHY), Precondition::Any).unwrap().unwrap();
        assert_eq!((released.previous, released.statement), (Digests::of(b"now").blake3, why));
    }

    #[test]
    fn what_a_package_does_not_say_is_named_refused_or_let_pass() {
        let mut annotations = Annotations::from([(PROVENANCE[0].to_owned(), "https://a/b".to_owned())]);
        annotations.insert(PROVENANCE[1].to_owned(), " ".to_owned());
        let missing = PROVENANCE[1..].to_vec();
        assert_eq!(decide_provenance(Provenance::Off, &annotations), Ok(vec![]));
        assert_eq!(decide_provenance(Provenance::Warn, &annotations), Ok(missing.clone()));
        let refused = Err(Refused::ProvenanceMissing { missing });
        assert_eq!(decide_provenance(Provenance::Enforce, &annotations), refused);
        let whole: Annotations = PROVENANCE.map(|name| (name.to_owned(), "x".to_owned())).into();
        assert_eq!(decide_provenance(Provenance::Enforce, &whole), Ok(vec![]));
    }
}
