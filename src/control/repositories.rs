//! Repositories: created, set, read, listed.
//!
//! - Who may push to a name may make a private repository of it; the first deposit does so by itself.
//! - Making one public, or changing any setting, needs `admin`: it opens what others deposited.
//! - A repository is never removed, so that it exists can be remembered.

use std::collections::HashSet;
use std::sync::RwLock;

use super::append::{Change, Ids, Retries};
use super::{Context, Control};
use crate::access::{Action, Caller, Denied, Pattern, RepositoryRight};
use crate::kernel::event::{Fact, RepositoryCreated, RepositorySettings, RepositoryUpdated};
use crate::kernel::id::{RepositoryName, StreamName};
use crate::views::repositories::{self, NamePattern, Repository, Visible};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is there already.
    #[error("repository {0} exists")]
    Exists(RepositoryName),
    /// There is none.
    #[error("there is no repository {0}; the first push makes one, or `strongroom repository create {0}`")]
    Unknown(RepositoryName),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// Settings to change. What is absent stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether anyone may read it without a token.
    pub public: Option<bool>,
    /// The others.
    pub settings: RepositorySettings,
}

/// What [`set`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// As it is now.
    pub repository: Repository,
    /// Whether it came to be by this.
    pub created: bool,
}

/// Makes a repository.
///
/// # Errors
/// If it exists, or the caller may not.
pub async fn create(
    control: &Control,
    context: &Context,
    name: &RepositoryName,
    public: bool,
) -> Result<Repository, Error> {
    let settings = RepositorySettings::default();
    let created = Fact::from(RepositoryCreated { repository: name.clone(), public, settings });
    if let Some(earlier) = control.earlier(context).await? {
        let same = earlier.event.fact == created;
        return if same {
            existing(control, name).await
        } else {
            Err(super::Error::IdempotencyKeyReused.into())
        };
    }
    let mut retries = Retries::default();
    loop {
        let state = State::load(control, name).await?;
        let facts = decide_create(state.now.is_some(), &context.caller, name, public, settings)?;
        match state.append(control, context, facts).await {
            Ok(()) => return existing(control, name).await,
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Changes a repository's settings, and makes it if there is none. What is absent stays as it is.
///
/// # Errors
/// If the caller may not.
pub async fn set(
    control: &Control,
    context: &Context,
    name: &RepositoryName,
    wanted: Wanted,
) -> Result<Set, Error> {
    let mut retries = Retries::default();
    loop {
        let state = State::load(control, name).await?;
        let facts = decide_set(state.now, &context.caller, name, wanted)?;
        let created = state.now.is_none();
        match state.append(control, context, facts).await {
            Ok(()) => return Ok(Set { repository: existing(control, name).await?, created }),
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Reads a repository.
///
/// # Errors
/// If there is none, or the caller may not read it.
pub async fn get(control: &Control, caller: &Caller, name: &RepositoryName) -> Result<Repository, Error> {
    let found = repositories::get(control.pool(), name).await?;
    if !caller.allows(Action::Administer) {
        readable(caller, name, found.as_ref())?;
    }
    found.ok_or_else(|| Error::Unknown(name.clone()))
}

/// A page of the repositories that the caller may read, by name, behind `after`.
///
/// # Errors
/// If the database fails.
pub async fn list(
    control: &Control,
    caller: &Caller,
    after: Option<&RepositoryName>,
    limit: u32,
) -> Result<Vec<Repository>, Error> {
    let visible = if caller.allows(Action::Administer) { Visible::All } else { visible(caller) };
    Ok(repositories::list(control.pool(), &visible, after, limit).await?)
}

async fn existing(control: &Control, name: &RepositoryName) -> Result<Repository, Error> {
    repositories::get(control.pool(), name).await?.ok_or_else(|| Error::Unknown(name.clone()))
}

/// The repositories that the caller may pull from.
pub(super) fn visible(caller: &Caller) -> Visible {
    let patterns: Vec<&Pattern> = caller.scopes.patterns(RepositoryRight::Pull).collect();
    if patterns.contains(&&Pattern::All) {
        return Visible::All;
    }
    let patterns = patterns.into_iter().map(|pattern| NamePattern::glob(&pattern.to_string())).collect();
    Visible::Some { patterns, public: true }
}

/// That the caller may read it. Whoever may not is told the same whether it exists or not.
pub(super) fn readable(
    caller: &Caller,
    name: &RepositoryName,
    found: Option<&Repository>,
) -> Result<(), Denied> {
    if found.is_some_and(|repository| repository.public) {
        return Ok(());
    }
    caller.require(Action::pull(name))
}

/// Loads a repository that the caller may read. `Ok(None)` only for who may know that there is none.
pub(super) async fn load_readable(
    control: &Control,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<Option<Repository>, super::Error> {
    let row = repositories::get(control.pool(), name);
    let found = control.reads().repositories.get(control.log(), name, row).await?;
    readable(caller, name, found.as_ref())?;
    Ok(found)
}

struct State {
    version: Option<u64>,
    now: Option<Now>,
}

/// Settings as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Now {
    public: bool,
    settings: RepositorySettings,
}

impl Now {
    fn of(found: &Repository) -> Self {
        let settings = RepositorySettings {
            provenance: Some(found.provenance),
            quota_bytes: Some(found.quota_bytes),
            quota_packages: Some(found.quota_packages),
        };
        Self { public: found.public, settings }
    }
}

impl State {
    async fn load(control: &Control, name: &RepositoryName) -> Result<Self, Error> {
        let version = control.version(&StreamName::repository(name)).await?;
        let now = repositories::get(control.pool(), name).await?.as_ref().map(Now::of);
        Ok(Self { version, now })
    }

    async fn append(
        &self,
        control: &Control,
        context: &Context,
        facts: Vec<Fact>,
    ) -> Result<(), crate::log::Error> {
        let Some(stream) = facts.first().map(Fact::stream) else { return Ok(()) };
        let change = Change {
            events: Ids::of_request(context).assign(facts),
            expected: vec![(stream, self.version)],
            ..Change::default()
        };
        control.append(&context.caller.actor, context.cause, change).await.map(drop)
    }
}

fn decide_create(
    exists: bool,
    caller: &Caller,
    name: &RepositoryName,
    public: bool,
    settings: RepositorySettings,
) -> Result<Vec<Fact>, Error> {
    let governed = public || settings != RepositorySettings::default();
    if governed || !caller.allows(Action::push(name)) {
        may_administer(caller, if governed { Action::Administer } else { Action::push(name) })?;
    }
    if exists {
        return Err(Error::Exists(name.clone()));
    }
    Ok(vec![RepositoryCreated { repository: name.clone(), public, settings }.into()])
}

fn decide_set(
    now: Option<Now>,
    caller: &Caller,
    name: &RepositoryName,
    wanted: Wanted,
) -> Result<Vec<Fact>, Error> {
    let Some(now) = now else {
        return decide_create(false, caller, name, wanted.public.unwrap_or(false), wanted.settings);
    };
    let public = wanted.public.unwrap_or(now.public);
    if public == now.public && now.settings.then(wanted.settings) == now.settings {
        if !caller.allows(Action::push(name)) {
            may_administer(caller, Action::push(name))?;
        }
        return Ok(Vec::new());
    }
    may_administer(caller, Action::Administer)?;
    Ok(vec![RepositoryUpdated { repository: name.clone(), public, settings: wanted.settings }.into()])
}

/// That the caller administers. The refusal names the action for which less would do.
fn may_administer(caller: &Caller, wanted: Action<'_>) -> Result<(), Denied> {
    if caller.allows(Action::Administer) { Ok(()) } else { caller.require(wanted) }
}

/// Names of repositories that were seen to exist.
#[derive(Default)]
pub(super) struct Known(RwLock<HashSet<RepositoryName>>);

impl Control {
    /// What has to be recorded before the first deposit in a repository: that it comes to be, if it is not there.
    pub(super) async fn making_room(&self, name: &RepositoryName) -> Result<Option<RoomMade>, super::Error> {
        let known = &self.0.known.0;
        if known.read().expect("no holder panics").contains(name) {
            return Ok(None);
        }
        let stream = StreamName::repository(name);
        if self.version(&stream).await?.is_some() {
            known.write().expect("no holder panics").insert(name.clone());
            return Ok(None);
        }
        let fact = RepositoryCreated {
            repository: name.clone(),
            public: false,
            settings: RepositorySettings::default(),
        }
        .into();
        Ok(Some(RoomMade { fact, stream }))
    }
}

/// That a repository comes to be by a first deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoomMade {
    /// To be recorded before the deposit.
    pub(super) fact: Fact,
    /// Must have no event yet.
    pub(super) stream: StreamName,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::given::given;
    use crate::kernel::event::Provenance;

    fn name() -> RepositoryName {
        "acme/reports".parse().unwrap()
    }

    fn caller(scopes: &str) -> Caller {
        let token = crate::kernel::id::TokenId::from_uuid(uuid::Uuid::nil());
        Caller::of_token("someone".parse().unwrap(), scopes.parse().unwrap(), token, None)
    }

    const PUSH: &str = "repository:acme/*:push";

    const NONE: RepositorySettings =
        RepositorySettings { provenance: None, quota_bytes: None, quota_packages: None };

    fn now(public: bool) -> Option<Now> {
        let settings = RepositorySettings {
            provenance: Some(Provenance::Warn),
            quota_bytes: Some(10),
            quota_packages: Some(0),
        };
        Some(Now { public, settings })
    }

    fn public(public: bool) -> Wanted {
        Wanted { public: Some(public), settings: NONE }
    }

    fn updated(public: bool, settings: RepositorySettings) -> Vec<Fact> {
        vec![RepositoryUpdated { repository: name(), public, settings }.into()]
    }

    #[test]
    fn who_may_push_makes_a_private_repository() {
        given(())
            .when(|()| decide_create(false, &caller(PUSH), &name(), false, NONE))
            .then(vec![RepositoryCreated { repository: name(), public: false, settings: NONE }.into()]);
    }

    #[test]
    fn opening_to_the_public_needs_an_admin() {
        given(()).when(|()| decide_create(false, &caller(PUSH), &name(), true, NONE)).then_refused(
            |error| matches!(error, Error::Shared(crate::control::Error::Denied(d)) if d.needed == "admin"),
        );
        given(now(false))
            .when(|state| decide_set(*state, &caller(PUSH), &name(), public(true)))
            .then_refused(|error| matches!(error, Error::Shared(crate::control::Error::Denied(_))));
        given(now(false))
            .when(|state| decide_set(*state, &caller("admin"), &name(), public(true)))
            .then(updated(true, NONE));
    }

    #[test]
    fn an_update_records_what_it_names_and_nothing_else() {
        let each = [
            RepositorySettings { provenance: Some(Provenance::Enforce), ..NONE },
            RepositorySettings { quota_bytes: Some(0), ..NONE },
            RepositorySettings { quota_packages: Some(3), ..NONE },
        ];
        for settings in each {
            given(now(true))
                .when(|state| {
                    decide_set(*state, &caller("admin"), &name(), Wanted { public: None, settings })
                })
                .then(updated(true, settings));
            given(now(true))
                .when(|state| decide_set(*state, &caller(PUSH), &name(), Wanted { public: None, settings }))
                .then_refused(|error| matches!(error, Error::Shared(crate::control::Error::Denied(_))));
            given(None)
                .when(|state| decide_set(*state, &caller(PUSH), &name(), Wanted { public: None, settings }))
                .then_refused(|error| matches!(error, Error::Shared(crate::control::Error::Denied(_))));
        }
    }

    #[test]
    fn another_name_is_denied_before_it_is_looked_for() {
        let other: RepositoryName = "other/reports".parse().unwrap();
        for exists in [false, true] {
            given(exists)
                .when(|exists| decide_create(*exists, &caller(PUSH), &other, false, NONE))
                .then_refused(|error| matches!(error, Error::Shared(crate::control::Error::Denied(_))));
        }
    }

    #[test]
    fn creating_one_that_exists_is_refused() {
        given(())
            .when(|()| decide_create(true, &caller(PUSH), &name(), false, NONE))
            .then_refused(|error| matches!(error, Error::Exists(_)));
    }

    #[test]
    fn setting_what_is_so_already_changes_nothing() {
        given(now(true))
            .when(|state| decide_set(*state, &caller("admin"), &name(), public(true)))
            .then(vec![]);
        let same = now(true).map(|now| now.settings).unwrap_or_default();
        given(now(true))
            .when(|state| decide_set(*state, &caller(PUSH), &name(), Wanted { public: None, settings: same }))
            .then(vec![]);
        given(now(true))
            .when(|state| decide_set(*state, &caller(PUSH), &name(), Wanted::default()))
            .then(vec![]);
    }

    #[test]
    fn closed_and_absent_look_alike() {
        let open = |public| Repository {
            name: name(),
            public,
            provenance: Default::default(),
            quota_bytes: 0,
            quota_packages: 0,
            created_at_ms: 0,
            updated_at_ms: 0,
            position: 0,
            packages: 0,
            blobs: 0,
            blobs_bytes: 0,
        };
        let stranger = caller("repository:other/*:pull");
        assert_eq!(readable(&stranger, &name(), None), readable(&stranger, &name(), Some(&open(false))));
        assert!(readable(&stranger, &name(), None).is_err());
        assert!(readable(&stranger, &name(), Some(&open(true))).is_ok());
        assert!(readable(&caller("repository:acme/*:pull"), &name(), None).is_ok());
    }
}
