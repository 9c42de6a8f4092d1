//! Types that all verbs share: the selection, the changes, and the order in which files are written.

mod change;
mod lines;
mod order;
mod outcome;
mod selection;

pub use crate::account_map::default_identity_name;
pub(crate) use crate::account_map::{account_in_name, default_name};
pub use change::{Change, ChangeKind, IdentityFile, NewObject};
pub(crate) use lines::{SOURCE, account_in_a_line};
pub use order::write_order;
pub use outcome::Outcome;
pub use selection::{EmptySelection, Failure, Selection, cluster_title, selected};
pub(crate) use selection::{names_that_fit_nothing, referencing, select, skipped, warnings_of_unclear};
