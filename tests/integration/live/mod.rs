//! What reads a management cluster: on a real API server, and on one that fails.

mod fake;
mod faults;
mod resources;
mod server;
mod status;
mod verbs;
