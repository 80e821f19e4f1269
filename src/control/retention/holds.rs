//! Which holds cover a package, and when its clock started.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::Error;
use crate::kernel::digest::Blake3;
use crate::kernel::event::{HoldKind, HoldTarget};
use crate::kernel::id::RepositoryName;
use crate::log::documents;
use crate::retention::{FixedSelector, Match, Package};
use crate::views::holds::{self, Hold};

/// Every hold that stands, and every event hold that was released, by what it covers.
#[derive(Debug, Default)]
pub(super) struct Holds {
    packages: HashMap<(RepositoryName, Blake3), Vec<Hold>>,
    repositories: HashMap<RepositoryName, Vec<Hold>>,
    queries: Vec<(FixedSelector, Hold)>,
}

impl Holds {
    pub(super) async fn load(connection: &mut PgConnection) -> Result<Self, Error> {
        let mut loaded = Self::default();
        for hold in holds::all(&mut *connection).await? {
            match hold.target.clone() {
                HoldTarget::Package(repository, manifest) => {
                    loaded.packages.entry((repository, manifest)).or_default().push(hold);
                }
                HoldTarget::Repository(repository) => {
                    loaded.repositories.entry(repository).or_default().push(hold);
                }
                HoldTarget::Query(selector) => {
                    let found = documents::get_many(&mut *connection, &[selector]).await?;
                    let selector = found.first().and_then(|found| FixedSelector::decode(&found.bytes).ok());
                    // What a hold covers has to be known, or nothing may go.
                    let selector = selector.ok_or_else(|| Error::SelectorMissing(hold.hold.clone()))?;
                    loaded.queries.push((selector, hold));
                }
            }
        }
        Ok(loaded)
    }

    /// Whether a hold needs to know the annotations of that package.
    pub(super) fn needs_annotations(&self, package: &Package) -> bool {
        let properties = crate::retention::Properties { annotations: None, ..package.properties() };
        self.queries.iter().any(|(selector, _)| selector.matches(&properties) == Match::Unknown)
    }

    /// Names the holds that cover it, and starts its clock where released ones started it. What cannot be known counts as
    /// covered.
    pub(super) fn apply(&self, package: &mut Package) {
        let queried = {
            let properties = package.properties();
            let covers = |(selector, _): &&(FixedSelector, Hold)| selector.matches(&properties) != Match::No;
            self.queries.iter().filter(covers).map(|(_, hold)| hold).collect::<Vec<&Hold>>()
        };
        let key = (package.repository.clone(), package.digest);
        let here = self.repositories.get(&package.repository).into_iter().flatten();
        let own = self.packages.get(&key).into_iter().flatten();
        for hold in own.chain(here).chain(queried) {
            match &hold.released {
                None => package.holds.push(hold.hold.to_string()),
                Some(end) if hold.kind == HoldKind::Event => {
                    package.clock_start_ms = package.clock_start_ms.max(end.at_ms);
                }
                Some(_) => {}
            }
        }
        package.holds.sort_unstable();
    }
}
