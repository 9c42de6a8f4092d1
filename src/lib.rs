//! wip
pub mod aws;
pub mod capa;
pub mod diag;
pub mod edit;
pub mod files;
pub mod inject;
pub mod lossless;
pub mod output;
mod parallel;
pub mod run;
