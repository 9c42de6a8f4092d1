//! `kubectl xaccount map`.

pub(crate) mod init;
mod which;

use xaccount::account_map;

use super::{CommandError, Printed, Terminal};
use crate::cli::{AccountMapArgs, MapKind, MapVerb};

pub(crate) fn run(args: &AccountMapArgs, terminal: &Terminal) -> Result<Printed, CommandError> {
    match &args.verb {
        MapVerb::Init(args) => init::run(args, terminal),
        MapVerb::Which(args) => which::run(args, terminal),
        MapVerb::Schema(args) => {
            let schema = match args.kind {
                MapKind::Map => account_map::schema(),
                MapKind::List => account_map::list_schema(),
            };
            Ok(Printed::of(format!("{schema:#}\n").into_bytes()))
        }
    }
}
