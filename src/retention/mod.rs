//! Retention as pure functions: what policies say, what they select, what a plan does and what stands in its way.
//!
//! ```text
//! TOML, JSON --draft--> Policy --+
//!                                +--evaluate--> decisions --plan--> documents, named by one digest
//! facts of the log ---> Package -+
//! ```
//! - Everything is a function of its arguments: the same packages, policies and time give the same decisions, and the same
//!   plan to the byte. The time is an argument; "last read" is a day of the log.
//! - For each package any one of these blocks its deletion, and all that do are named, in this order: hold, compliance
//!   lock, governance lock, pin, live reference, keep rule. Then a delete rule; then nothing is done. What no rule
//!   selects is never deleted. Tags do not protect.
//! - Use cases that load facts and append events are in `control`.
//!
//! | file | concern |
//! |---|---|
//! | `glob.rs`, `period.rs` | the small grammars: names, periods, sizes, times |
//! | `package.rs` | what is known of a package |
//! | `selector/` | which packages a rule, or a hold, is about |
//! | `policy/` | rules in order, and their document |
//! | `draft.rs` | a policy as it is written, with the line at fault |
//! | `evaluate/` | policies and packages to decisions |
//! | `plan/` | decisions to documents |

mod codec;
pub mod draft;
pub mod evaluate;
pub mod glob;
mod package;
pub mod period;
pub mod plan;
pub mod policy;
pub mod selector;

pub use evaluate::{Blocker, Decision, InForce, evaluate};
pub use package::{Package, Properties, TagOf};
pub use plan::Plan;
pub use policy::Policy;
pub use selector::{FixedSelector, Match, Selector};
