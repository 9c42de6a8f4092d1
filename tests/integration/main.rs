//! The program from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod cases;
mod fixtures;
mod krew;
#[cfg(unix)]
mod kubectl;
mod outputs;
mod patch;
mod properties;
#[cfg(unix)]
mod readme;
mod secrets;
mod suite;
mod support;
mod workflows;
