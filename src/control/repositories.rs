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
use crate::kernel::event::{Fact, RepositoryCreated, RepositoryUpdated};
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
    let created = Fact::from(RepositoryCreated { repository: name.clone(), public });
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
        let facts = decide_create(state.public, &context.caller, name, public)?;
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
    public: Option<bool>,
) -> Result<Set, Error> {
    let mut retries = Retries::default();
    loop {
        let state = State::load(control, name).await?;
        let facts = decide_set(state.public, &context.caller, name, public)?;
        let created = state.public.is_none();
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
    public: Option<bool>,
}

impl State {
    async fn load(control: &Control, name: &RepositoryName) -> Result<Self, Error> {
        let version = control.version(&StreamName::repository(name)).await?;
        let public = repositories::get(control.pool(), name).await?.map(|found| found.public);
        Ok(Self { version, public })
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
    existing: Option<bool>,
    caller: &Caller,
    name: &RepositoryName,
    public: bool,
) -> Result<Vec<Fact>, Error> {
    if public || !caller.allows(Action::push(name)) {
        may_administer(caller, if public { Action::Administer } else { Action::push(name) })?;
    }
    if existing.is_some() {
        return Err(Error::Exists(name.clone()));
    }
    Ok(vec![RepositoryCreated { repository: name.clone(), public }.into()])
}

fn decide_set(
    existing: Option<bool>,
    caller: &Caller,
    name: &RepositoryName,
    public: Option<bool>,
) -> Result<Vec<Fact>, Error> {
    let Some(now) = existing else {
        return decide_create(None, caller, name, public.unwrap_or(false));
    };
    let public = public.unwrap_or(now);
    if public == now {
        if !caller.allows(Action::push(name)) {
            may_administer(caller, Action::push(name))?;
        }
        return Ok(Vec::new());
    }
    may_administer(caller, Action::Administer)?;
    Ok(vec![RepositoryUpdated { repository: name.clone(), public }.into()])
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
        let fact = RepositoryCreated { repository: name.clone(), public: false }.into();
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

    fn name() -> RepositoryName {
        "acme/reports".parse().unwrap()
    }

    fn caller(scopes: &str) -> Caller {
        let token = crate::kernel::id::TokenId::from_uuid(uuid::Uuid::nil());
        Caller::of_token("someone".parse().unwrap(), scopes.parse().unwrap(), token, None)
    }

    const PUSH: &str = "repository:acme/*:push";

    #[test]
    fn who_may_push_makes_a_private_repository() {
        given(None)
            .when(|state| decide_create(*state, &caller(PUSH), &name(), false))
            .then(vec![RepositoryCreated { repository: name(), public: false }.into()]);
    }

    #[test]
    fn opening_to_the_public_needs_an_admin() {
        given(None).when(|state| decide_create(*state, &caller(PUSH), &name(), true)).then_refused(
            |error| matches!(error, Error::Shared(crate::control::Error::Denied(d)) if d.needed == "admin"),
        );
        given(Some(false))
            .when(|state| decide_set(*state, &caller(PUSH), &name(), Some(true)))
            .then_refused(|error| matches!(error, Error::Shared(crate::control::Error::Denied(_))));
        given(Some(false))
            .when(|state| decide_set(*state, &caller("admin"), &name(), Some(true)))
            .then(vec![RepositoryUpdated { repository: name(), public: true }.into()]);
    }

    #[test]
    fn another_name_is_denied_before_it_is_looked_for() {
        let other: RepositoryName = "other/reports".parse().unwrap();
        for state in [None, Some(true)] {
            given(state)
                .when(|state| decide_create(*state, &caller(PUSH), &other, false))
                .then_refused(|error| matches!(error, Error::Shared(crate::control::Error::Denied(_))));
        }
    }

    #[test]
    fn creating_one_that_exists_is_refused() {
        given(Some(false))
            .when(|state| decide_create(*state, &caller(PUSH), &name(), false))
            .then_refused(|error| matches!(error, Error::Exists(_)));
    }

    #[test]
    fn setting_what_is_so_already_changes_nothing() {
        given(Some(true))
            .when(|state| decide_set(*state, &caller("admin"), &name(), Some(true)))
            .then(vec![]);
        given(Some(true)).when(|state| decide_set(*state, &caller(PUSH), &name(), None)).then(vec![]);
    }

    #[test]
    fn closed_and_absent_look_alike() {
        let open = |public| Repository {
            name: name(),
            public,
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
