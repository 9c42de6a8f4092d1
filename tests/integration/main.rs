//! The program from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod cases;
mod fixtures;
#[cfg(unix)]
mod gitops;
#[cfg(unix)]
mod krm;
#[cfg(unix)]
mod kubectl;
mod outputs;
mod patch;
#[cfg(unix)]
mod pre_commit;
mod properties;
#[cfg(unix)]
mod readme;
mod secrets;
mod suite;
mod support;
