//! What is said about one package, with as little of its repository looked at as will do.

use strongroom::control::Precondition;
use strongroom::control::why::{self, Fate, Why};
use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::manifest::{Header, Index, Manifest, MediaType};

use crate::plane::{Plane, by_digest, by_tag, descriptor, manifest, name};
use crate::policies::set;
use crate::retention::{deposit, part};

/// It counts, so all packages have to be looked at, and selects none.
const COUNTING: &str = "[[rules]]\nname = 'c'\nselect = { tag = 'none-*', newest = 1 }\naction = 'keep'\n";

async fn ask(plane: &Plane, package: &Blake3) -> Why {
    let admin = plane.admin();
    let (repository, package) = (name("acme/a"), by_digest(*package));
    let found = why::why(&admin.control, &admin.context.caller, &repository, &package).await;
    // Whatever is set beside is another event.
    Why { position: 0, ..found.expect("it is there") }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_package_and_what_it_waits_for_tell_the_same_as_all_of_its_repository() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let (one, two) = (part(&plane, "one", "draft").await, part(&plane, "two", "final").await);
    let header = Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() };
    let index = Index::new(header, vec![one.descriptor(), two.descriptor()]).unwrap();
    let listing =
        admin.push("acme/a", &by_tag("v1"), &index.encode(), Precondition::Any).await.unwrap().digests.blake3;
    let subject = deposit(&plane, "acme/a", "v2", "subject").await;
    let mut about = Vec::new();
    let mut of = manifest(b"subject");
    for content in ["note", "note on the note"] {
        plane.package(&admin, "acme/a", content.as_bytes()).await;
        let header = Header { subject: Some(of.descriptor()), ..Header::default() };
        of = Manifest::new(header, descriptor(b"config"), vec![descriptor(content.as_bytes())]).unwrap();
        about.push(admin.push_plain("acme/a", &of.encode()).await.expect("accepted").digests.blake3);
    }
    let first = Digests::of(&one.encode()).blake3;
    let packages = [first, Digests::of(&two.encode()).blake3, listing, subject, about[0], about[1]];

    let by = |select: &str| format!("[[rules]]\nname = 'r'\nselect = {select}\naction = 'delete'\n");
    let mut fates = Vec::new();
    for select in [
        "{ repository = '*' }",
        "{ untagged = true }",
        "{ tag = 'v*' }",
        "{ annotations = { class = 'draft' } }",
    ] {
        set(&admin, "weekly", &by(select)).await.unwrap();
        set(&admin, "counting", &COUNTING.replace("{ tag", "{ repository = 'other/*', tag")).await.unwrap();
        let mut alone = Vec::new();
        for package in &packages {
            alone.push(ask(&plane, package).await);
        }
        set(&admin, "counting", COUNTING).await.unwrap();
        for (package, alone) in packages.iter().zip(&alone) {
            assert_eq!(ask(&plane, package).await, *alone, "{select}");
        }
        fates.push(alone.into_iter().filter(|why| matches!(why.outcome, Fate::Deleted(_))).count());
    }
    assert_eq!(fates, [6, 0, 2, 0], "of all; of parts and notes alone; of what nothing waits for; of a part");
    plane.finish().await;
}
