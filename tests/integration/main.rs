//! The program from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[cfg(target_os = "linux")]
mod action;
#[cfg(unix)]
mod builds;
#[cfg(unix)]
mod compare;
#[cfg(unix)]
mod completion;
mod crates_io;
#[cfg(unix)]
mod exit_status;
#[cfg(unix)]
mod faults;
mod fixtures;
#[cfg(unix)]
mod gitops;
#[cfg(unix)]
mod hostile;
mod iam;
#[cfg(unix)]
mod iam_pieces;
mod identity;
mod krew;
#[cfg(unix)]
mod krm;
#[cfg(unix)]
mod krm_peers;
#[cfg(unix)]
mod kubectl;
mod kustomize;
mod layers;
mod library;
#[cfg(unix)]
mod links;
#[cfg(unix)]
mod lint_against;
#[cfg(all(unix, feature = "live"))]
mod live;
mod outputs;
mod patch;
#[cfg(unix)]
mod pictures;
#[cfg(unix)]
mod pre_commit;
mod properties;
#[cfg(unix)]
mod prune;
#[cfg(unix)]
mod readme;
mod replay;
#[cfg(unix)]
mod revision;
mod rules;
#[cfg(unix)]
mod running;
#[cfg(unix)]
mod sarif;
mod secrets;
mod selector;
#[path = "../shared/mod.rs"]
mod shared;
#[cfg(target_os = "linux")]
mod sockets;
mod status;
mod suite;
mod support;
#[cfg(unix)]
mod target_permission;
#[cfg(unix)]
mod terminal;
mod version;
#[cfg(unix)]
mod wheel;
mod words;
mod workflows;

use shared::cases;
