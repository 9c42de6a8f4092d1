//! The logic of `inject`: turns an inventory and a request into a plan. No I/O.

mod by_account;
mod classes;
mod controller_identity;
mod decide;
mod decided;
mod evidence;
mod explain;
mod identity;
mod identity_account;
mod judge;
mod mapped;
mod merge_plans;
mod move_messages;
mod moves;
mod namespaces;
mod needs;
mod patched;
mod planner;
mod proposal;
mod propose;
mod reconcile;
mod reference;
mod request;
mod role;
mod template;

pub use by_account::{for_account, target_is_source};
pub use evidence::{Evidence, ObservedObjects};
pub use judge::Unasked;
pub use mapped::{Mapped, SpecifiedTarget, known_accounts};
pub use merge_plans::{plan_each, plan_identities, propose_each, propose_mapped};
pub use moves::{AccountMove, KnownAccounts, MoveFrom};
pub use namespaces::AllowedNamespaces;
pub use needs::{Needs, needs};
pub use proposal::Proposal;
pub use propose::{allows_no_namespace, plan, propose};
pub use request::{IdentityRequest, InjectRequest, Target, identity_name};
