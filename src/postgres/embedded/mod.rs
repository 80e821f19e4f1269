//! A private PostgreSQL cluster under the state directory: found, made, started and stopped with the service.
//!
//! - One process at a time runs a cluster: it holds the kernel's lock on the state directory. Others are refused with
//!   the holder's process id, or attach to its socket.
//! - A data directory is complete or absent: `initdb` works beside it and the result is renamed.
//! - `fsync`, `full_page_writes` and `synchronous_commit` are on, checksums are on; the command line sets them, which
//!   no configuration file and no `ALTER SYSTEM` overrides.
//! - The server listens on one unix socket in a 0700 directory and on nothing else.
//! - It ends with us: in order when we stop it, by the parent-death signal when we are killed (Linux), and what
//!   outlives us all the same is stopped at the next start, before the data is touched.
//!
//! Refuses: to run as root (an ordinary user is chosen, and its way to the data is tested first), a directory that is
//! something else, binaries of another major version than the data directory's.
//!
//! | file | concern |
//! |---|---|
//! | `state.rs` | the lock, and the address of a running server |
//! | `find.rs`, `wheel.rs` | server binaries: on the machine, else downloaded by hash |
//! | `process.rs` | child processes; the crate's one `unsafe` call |
//! | `orphan.rs` | servers that outlived their service |
//! | `socket.rs` | the socket's directory |
//! | `server.rs` | one running server |
//! | `cluster.rs` | all of it in order |

mod cluster;
mod error;
mod find;
mod orphan;
mod process;
mod server;
mod socket;
mod state;
mod wheel;

pub use cluster::{Cluster, Stopped};
pub use error::Error;
pub use find::{Installation, MAJOR_MIN, Search};

pub(crate) use cluster::{DATABASE, Opened, own_or_find};
