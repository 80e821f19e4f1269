//! Invariants of identifiers, paths and link targets, for any text:
//! - what is parsed prints as it came;
//! - a path joined to a directory stays in it, on this system's own reading of paths;
//! - a link whose target stays inside does so, followed name by name.

use std::path::{Component, Path};

use strongroom::kernel::digest::Digest;
use strongroom::kernel::id::{
    Actor, KeyId, NodeName, ObjectKey, PackageRef, Reference, RepositoryName, StoreName, StreamName, Tag,
    TokenId,
};
use strongroom::kernel::manifest::{LinkTarget, MediaType, Mode, PackagePath};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    prints_as_it_came::<Digest>(text);
    prints_as_it_came::<RepositoryName>(text);
    prints_as_it_came::<Tag>(text);
    prints_as_it_came::<Actor>(text);
    prints_as_it_came::<StoreName>(text);
    prints_as_it_came::<NodeName>(text);
    prints_as_it_came::<KeyId>(text);
    prints_as_it_came::<TokenId>(text);
    prints_as_it_came::<ObjectKey>(text);
    prints_as_it_came::<StreamName>(text);
    prints_as_it_came::<Reference>(text);
    prints_as_it_came::<PackageRef>(text);
    prints_as_it_came::<MediaType>(text);
    prints_as_it_came::<Mode>(text);
    prints_as_it_came::<LinkTarget>(text);
    if let Some(path) = prints_as_it_came::<PackagePath>(text) {
        stays(&path);
    }
    let (link, target) = text.split_once('\n').unwrap_or((text, text));
    if let (Ok(link), Ok(target)) = (link.parse::<PackagePath>(), target.parse::<LinkTarget>())
        && target.stays_inside(&link)
    {
        follow(&link, &target);
    }
}

fn prints_as_it_came<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    let parsed: T = text.parse().ok()?;
    assert_eq!(parsed.to_string(), text, "what is parsed prints as it came");
    Some(parsed)
}

fn stays(path: &PackagePath) {
    let joined = Path::new("/root").join(path.as_str());
    let names: Vec<Component<'_>> = joined.components().skip(2).collect();
    assert!(joined.starts_with("/root") && names.len() == path.depth() + 1);
    assert!(names.iter().all(|name| matches!(name, Component::Normal(_))), "{path:?} leaves its directory");
}

fn follow(link: &PackagePath, target: &LinkTarget) {
    let mut depth = link.depth();
    for name in Path::new(target.as_str()).components() {
        match name {
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth = depth.checked_sub(1).expect("the link leads out of the package"),
            Component::RootDir | Component::Prefix(_) => panic!("{target:?} is not relative"),
        }
    }
}
