//! Types that all verbs share: the selection, the changes, and the order in which files are written.

mod change;
mod naming;
mod order;
mod outcome;
mod selection;

pub use change::{Change, ChangeKind, IdentityFile, NewObject};
pub(crate) use naming::account_in_name;
pub use naming::default_identity_name;
pub(crate) use naming::{SOURCE, account_in_a_line, default_name};
pub use order::write_order;
pub use outcome::Outcome;
pub use selection::{EmptySelection, Failure, Selection, cluster_title, selected};
pub(crate) use selection::{names_that_fit_nothing, referencing, select, skipped, warnings_of_unclear};
