//! Many small objects made durable by one barrier.
//!
//! ```text
//! open the barrier -> create and write every file -> syncfs -> report
//! ```
//! A flush of each file and of each directory is two waits for the disk for every object; `syncfs` is one for all.
//! A success that is reported here is durable because
//!
//! - `syncfs` waits until every dirty page *and* inode of the filesystem is written, its journal is committed, and the
//!   disk's cache is flushed: bytes, names and directories, in no need of an `fsync` each. So does the source of the
//!   filesystems that [`FILESYSTEMS`] lists, and of no other is it taken for granted: FUSE need not tell its server.
//! - A failure to write back since its descriptor was opened is reported by it: of file contents from Linux 5.8 on, of
//!   the filesystem's own journal from 5.17 on; [`LINUX_MIN`] is the release after that. A descriptor is opened for each
//!   group before its first byte, so no other caller can be told in our place.
//!
//! Whatever else fails, none of the group is reported as done, and its files are removed. Where there is no barrier, each
//! object is flushed by itself, several at a time. The price: `syncfs` also waits for what other programs have made
//! dirty on the same filesystem, which is one more reason to give the store one of its own.

use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use bytes::Bytes;
use rustix::fs::OFlags;

use super::root::{Area, Root};
use crate::kernel::id::ObjectKey;
use crate::stores::Error;

/// From here on `syncfs` reports whatever kept anything from becoming durable.
const LINUX_MIN: (u32, u32) = (5, 18);

/// `f_type` of the filesystems whose `syncfs` is a barrier (statfs(2)): ext4 (and ext3, which it serves), XFS, Btrfs; and
/// tmpfs, on which nothing outlives power anyway.
const FILESYSTEMS: [u64; 4] = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994];

/// Whether the filesystem of that directory has a barrier. False where that cannot be found out.
#[cfg(target_os = "linux")]
pub(super) fn has_barrier(directory: impl AsFd) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kind = rustix::fs::fstatfs(directory).map(|found| found.f_type as u64);
    reports_failures(&release) && kind.is_ok_and(|kind| FILESYSTEMS.contains(&kind))
}

/// Elsewhere it is not known to report failures.
#[cfg(not(target_os = "linux"))]
pub(super) fn has_barrier(_: impl AsFd) -> bool {
    false
}

/// Of a release as the kernel tells it, such as `6.1.0-18-amd64`.
fn reports_failures(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= LINUX_MIN,
        _ => false,
    }
}

/// Writes all of them, then makes all of them durable.
pub(super) fn put_many(root: &Root, objects: &[(ObjectKey, Bytes)]) -> Vec<Result<(), Error>> {
    let barrier = match root.barrier() {
        Ok(barrier) => barrier,
        Err(error) => return objects.iter().map(|_| Err(again(&error).into())).collect(),
    };
    let mut outcomes: Vec<_> = objects.iter().map(|(key, bytes)| write(root, key, bytes)).collect();
    if let Err(error) = raise(&barrier) {
        tracing::error!(%error, "a group of small objects did not become durable");
        for ((key, _), outcome) in objects.iter().zip(&mut outcomes) {
            if outcome.is_ok() {
                // Known to no one, and perhaps not whole.
                *outcome = root.unlink(Area::Objects, key).and(Err(again(&error).into()));
            }
        }
    }
    outcomes
}

/// One file, in memory of the kernel alone. What was not written whole is removed.
fn write(root: &Root, key: &ObjectKey, bytes: &[u8]) -> Result<(), Error> {
    let mut file = root.open_to_write(Area::Objects, key, OFlags::CREATE | OFlags::EXCL)?;
    file.write_all(bytes).map_err(|error| match root.unlink(Area::Objects, key) {
        Ok(()) => error.into(),
        Err(left) => left,
    })
}

#[cfg(target_os = "linux")]
fn raise(barrier: &OwnedFd) -> std::io::Result<()> {
    Ok(rustix::fs::syncfs(barrier)?)
}

#[cfg(not(target_os = "linux"))]
fn raise(_: &OwnedFd) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// The same failure for another object.
fn again(error: &std::io::Error) -> std::io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_may_keep_a_failure_to_itself_is_not_trusted() {
        for good in ["5.18.0", "6.1.0-18-amd64", "6.18.44\n", "10.0"] {
            assert!(reports_failures(good), "{good}");
        }
        for bad in ["", "5.17.9", "5.8.0-rc1", "4.19.0", "6", "six.one"] {
            assert!(!reports_failures(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_keys_of_a_group_that_are_taken_cost_the_others_nothing() {
        use crate::stores::{Filesystem, Store as _};
        use uuid::Uuid;
        let directory = tempfile::tempdir().unwrap();
        let store = Filesystem::open(directory.path()).await.unwrap();
        let key = |n| ObjectKey::from_uuid(Uuid::from_u128(n));
        store.put(&key(3), Bytes::from_static(b"before")).await.unwrap();
        let objects: Vec<_> = (0..5).map(|n| (key(n), Bytes::from(n.to_string()))).collect();
        // Whatever the filesystem of the test: the way without a flush of each is the one that is tried.
        let outcomes = put_many(&store.root, &objects);
        let done: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(done, [true, true, true, false, true]);
        assert!(matches!(&outcomes[3], Err(Error::Exists(found)) if *found == key(3)));
        assert_eq!(store.size(&key(3)).await.unwrap(), Some(6));
    }
}
