//! What the actors do. Each picks its next act by its own random numbers; whatever is refused is refused.

use std::sync::Arc;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use strongroom::clock::Clock as _;
use strongroom::control::erasures::Erase;
use strongroom::control::holds::{self, Place, Target};
use strongroom::control::pins::{self, Said, Wanted};
use strongroom::control::plans::{self, Step};
use strongroom::control::{Precondition, locks, manifests, policies, retention, tags};
use strongroom::kernel::digest::Blake3;
use strongroom::kernel::event::{HoldKind, LockMode};
use strongroom::kernel::id::{PackageRef, RepositoryName};
use strongroom::kernel::statement::{Key, Statement};
use strongroom::node::Node;

use super::world::{
    CONTENTS, HOUR_MS, PINS, POLICIES, REPOSITORIES, TAGS, Unread, Why, World, because_of_the_test, content,
    path, selector,
};
use crate::scene::by_digest;

/// Done, or why not.
type Done = Result<(), String>;

/// Acts, until no more are allowed in this life.
pub(super) async fn go_on(node: Arc<Node>, world: Arc<World>, random: StdRng, on_and_on: bool) {
    let mut actor = Actor { node, world, random };
    // Where the process is killed it is killed at work: nobody stops before.
    while actor.world.may_act() || on_and_on {
        let (act, done) = Box::pin(actor.act()).await;
        if std::env::var_os("STRONGROOM_SAY").is_some() {
            println!("    {act}: {done:?}");
        }
        actor.world.acted(act, done.is_err());
    }
}

struct Actor {
    node: Arc<Node>,
    world: Arc<World>,
    random: StdRng,
}

impl Actor {
    async fn act(&mut self) -> (&'static str, Done) {
        match self.random.random_range(0..100) {
            0..22 => ("deposit", self.deposit().await),
            22..31 => ("read", self.read().await),
            31..34 => ("retrieve", self.retrieve().await),
            34..39 => ("tag", self.tag().await),
            39..45 => ("pin", self.pin().await),
            45..49 => ("unpin", self.unpin().await),
            49..54 => ("hold", self.hold().await),
            54..60 => ("release", self.release().await),
            60..63 => ("lock", self.lock().await),
            63..70 => ("delete", self.delete().await),
            70..73 => ("erase", self.erase().await),
            73..78 => ("policy", self.policy().await),
            78..85 => ("plan", self.plan().await),
            85..89 => ("move", self.move_all().await),
            89..95 => ("collect", self.collect().await),
            _ => ("time", self.time()),
        }
    }

    fn repository(&mut self) -> RepositoryName {
        REPOSITORIES.choose(&mut self.random).unwrap().parse().unwrap()
    }

    /// One that was deposited somewhere, and may be gone.
    fn package(&mut self) -> Result<(RepositoryName, Blake3), String> {
        let known = self.world.known();
        Ok(known.choose(&mut self.random).ok_or("nothing was deposited yet")?.clone())
    }

    async fn deposit(&mut self) -> Done {
        let repository = self.repository();
        let tag = TAGS.choose(&mut self.random).unwrap();
        let mut contents: Vec<usize> = (0..CONTENTS.len()).collect();
        contents.retain(|_| self.random.random_bool(0.3));
        if contents.is_empty() {
            contents.push(self.random.random_range(0..CONTENTS.len()));
        }
        let directory = tempfile::tempdir().unwrap();
        let files: Vec<_> = contents
            .iter()
            .map(|at| {
                let file = directory.path().join(path(*at));
                std::fs::write(&file, content(*at)).unwrap();
                (path(*at).parse().unwrap(), file)
            })
            .collect();
        let target: PackageRef = format!("{repository}:{tag}").parse().unwrap();
        let deposited = self.node.deposit(&target, files).await.map_err(|error| error.to_string())?;
        let accepted = deposited.accepted;
        self.world.remember((repository, accepted.digests.blake3), &contents);
        self.world.answer("manifest.accepted", accepted.position);
        Ok(())
    }

    async fn log_size(&self) -> u64 {
        let size: i64 =
            sqlx::query_scalar("select size from log.head").fetch_one(self.node.pool()).await.unwrap();
        size as u64
    }

    /// What cannot be read must not have been there all the time, or has to lie in the cold store.
    async fn read(&mut self) -> Done {
        let package = self.package()?;
        let at = self.random.random_range(0..CONTENTS.len());
        loop {
            let (before, began_ms) = (self.log_size().await, self.world.clock.now_ms());
            let Err(unread) = self.read_once(&package, at).await else { return Ok(()) };
            // A permission to read lasts for minutes: who read while days passed had none any more.
            if self.world.clock.now_ms() != began_ms {
                continue;
            }
            let between = (before, self.log_size().await);
            self.world.unread.lock().unwrap().push(Unread { package, between, why: unread.clone() });
            return Err(unread.to_string());
        }
    }

    async fn read_once(&self, package: &(RepositoryName, Blake3), at: usize) -> Result<(), Why> {
        let (caller, reference) = (self.world.context("reader").caller, by_digest(package.1));
        let found = manifests::find(self.node.control(), &caller, &package.0, &reference);
        found.await.map_err(|error| Why::Other(error.to_string()))?;
        match self.world.read(&self.node, &package.0, &package.1, &path(at)).await {
            Ok(bytes) => {
                assert!(bytes == content(at), "{}@{} reads otherwise", package.0, package.1);
                Ok(())
            }
            // Not every package has every file.
            Err(Why::Other(error)) if error.starts_with("there is no file") => Ok(()),
            Err(why) => Err(why),
        }
    }

    async fn retrieve(&mut self) -> Done {
        let (repository, package) = self.package()?;
        let (context, reference) = (self.world.context("reader"), by_digest(package));
        let retrieved = self.node.retrieve(&context, &repository, &reference, None).await;
        retrieved.map_err(|error| error.to_string()).map(drop)
    }

    async fn tag(&mut self) -> Done {
        let (repository, package) = self.package()?;
        let tag = TAGS.choose(&mut self.random).unwrap().parse().unwrap();
        let context = self.world.context("tagger");
        let (control, manifest) = (self.node.control(), package.into());
        let set = tags::set(control, &context, &repository, &tag, &manifest, Precondition::Any);
        set.await.map_err(|error| error.to_string()).map(drop)
    }

    async fn pin(&mut self) -> Done {
        let (repository, package) = self.package()?;
        let said = Said::new([(Key::Reason, "it runs".to_owned())]).unwrap();
        let pin = PINS.choose(&mut self.random).unwrap().parse().unwrap();
        let wanted = Wanted { pin, said, precondition: Precondition::Any };
        let context = self.world.context("deployer");
        let manifest = package.into();
        let set = pins::set(self.node.control(), &context, &repository, &wanted, &manifest);
        let set = set.await.map_err(|error| error.to_string())?;
        if let Some(position) = set.position {
            self.world.answer("pin.set", position);
        }
        Ok(())
    }

    async fn unpin(&mut self) -> Done {
        let repository = self.repository();
        let pin = PINS.choose(&mut self.random).unwrap().parse().unwrap();
        let context = self.world.context("deployer");
        let control = self.node.control();
        let released = pins::release(control, &context, &repository, &pin, "not any more", Precondition::Any);
        let released = released.await.map_err(|error| error.to_string())?;
        self.world.answer("pin.released", released.position);
        Ok(())
    }

    async fn hold(&mut self) -> Done {
        let target = match self.random.random_range(0..4) {
            0 => Target::Repository(self.repository()),
            1 => Target::Query(selector(self.repository().as_str())),
            _ => {
                let (repository, package) = self.package()?;
                Target::Package(repository, by_digest(package))
            }
        };
        let kind = *HoldKind::ALL.choose(&mut self.random).unwrap();
        let hold = self.world.fresh_name().parse().unwrap();
        let place = Place { hold, kind, target, statement: because_of_the_test() };
        let context = self.world.context("counsel");
        let placed = holds::place(self.node.control(), &context, &place);
        let placed = placed.await.map_err(|error| error.to_string())?;
        self.world.answer("hold.placed", placed.hold.position);
        Ok(())
    }

    async fn release(&mut self) -> Done {
        let context = self.world.context("counsel");
        let control = self.node.control();
        let all = holds::list(control, &context.caller, None, 1_000).await;
        let mut all = all.map_err(|error| error.to_string())?;
        all.retain(|hold| hold.hold.released.is_none());
        let hold = all.choose(&mut self.random).ok_or("no hold stands")?;
        let said = because_of_the_test();
        let released = holds::release(control, &context, &hold.hold.hold, &said);
        let released = released.await.map_err(|error| error.to_string())?;
        let position = released.hold.released.ok_or("released, and stands")?.position;
        self.world.answer("hold.released", position);
        Ok(())
    }

    async fn lock(&mut self) -> Done {
        let (repository, package) = self.package()?;
        let until_ms = self.world.clock.now_ms() + self.random.random_range(1..60) * HOUR_MS;
        let mode = *LockMode::ALL.choose(&mut self.random).unwrap();
        let (control, context) = (self.node.control(), self.world.context("keeper"));
        let (reference, said) = (by_digest(package), because_of_the_test());
        let changed = match self.random.random_bool(0.8) {
            true => locks::extend(control, &context, &repository, &reference, mode, until_ms, &said).await,
            false => locks::bypass(control, &context, &repository, &reference, None, &said).await,
        };
        changed.map_err(|error| error.to_string()).map(drop)
    }

    async fn delete(&mut self) -> Done {
        let (repository, package) = self.package()?;
        let context = self.world.context("keeper");
        let deleted = self.world.delete(&self.node, &context, &repository, package).await;
        deleted.map_err(|error| error.to_string()).map(drop)
    }

    async fn erase(&mut self) -> Done {
        let (repository, package) = self.package()?;
        let (context, reference) = (self.world.context("officer"), by_digest(package));
        let statement = Statement::new([
            (Key::Authority, "Art. 17 GDPR".to_owned()),
            (Key::Reason, "the data subject asked".to_owned()),
        ]);
        let everywhere = self.random.random_bool(0.5);
        let mut request = Erase { statement: statement.unwrap(), everywhere, after: None };
        loop {
            let erased = self.node.erase(&context, &repository, &reference, &request).await;
            let erased = erased.map_err(|error| error.to_string())?;
            if let (Some(position), true) = (erased.position, erased.repositories.contains(&repository)) {
                self.world.answer("manifest.deleted", position);
            }
            match erased.next {
                Some(_) => request.after = erased.next,
                None => return Ok(()),
            }
        }
    }

    async fn move_all(&mut self) -> Done {
        self.world.move_all(&self.node, &self.world.context("keeper")).await
    }

    async fn policy(&mut self) -> Done {
        let name = *POLICIES.choose(&mut self.random).unwrap();
        let is_removed = self.random.random_bool(0.3);
        let (repository, hours) = (self.repository(), self.random.random_range(1..48));
        let (control, context) = (self.node.control(), self.world.context("admin"));
        if is_removed {
            let removed = policies::remove(control, &context, &name.parse().unwrap()).await;
            let position = removed.map_err(|error| error.to_string())?;
            self.world.answer("policy.removed", position);
            return Ok(());
        }
        let rule = match name {
            "deletes" => {
                format!(
                    "select = {{ repository = '{repository}', older_than = '{hours}h' }}\naction = 'delete'"
                )
            }
            "keeps" => format!("select = {{ repository = '{repository}', tag = 'v*' }}\naction = 'keep'"),
            _ => {
                let tier = ["hot", "cold", "cold"].choose(&mut self.random).unwrap();
                format!("select = {{ repository = '{repository}' }}\naction = {{ tier = '{tier}' }}")
            }
        };
        let draft = policies::Form::Toml.read(&format!("[[rules]]\nname = 'r'\n{rule}\n")).unwrap();
        let set = policies::set(control, &context, &name.parse().unwrap(), &draft).await;
        self.world.answer("policy.set", set.map_err(|error| error.to_string())?.position);
        Ok(())
    }

    /// A plan is made, and after a while applied.
    async fn plan(&mut self) -> Done {
        let (control, context) = (self.node.control(), self.world.context("planner"));
        let planned =
            retention::plan(control, &context.caller, &[]).await.map_err(|error| error.to_string())?;
        let sequence = planned.documents.to_sequence();
        let plan = plans::submit(control, &context, &sequence).await.map_err(|error| error.to_string())?.plan;
        for _ in 0..self.random.random_range(0..50) {
            tokio::task::yield_now().await;
        }
        let mut all = Step::default();
        loop {
            let step = plans::apply(control, &context, plan, all.done).await;
            all = step.map_err(|error| error.to_string())?;
            if all.is_last() {
                return Ok(());
            }
        }
    }

    async fn collect(&mut self) -> Done {
        self.world.collect(&self.node, &self.world.context("keeper")).await.map(drop)
    }

    fn time(&mut self) -> Done {
        self.world.clock.advance_ms(self.random.random_range(1..40) * HOUR_MS);
        Ok(())
    }
}
