//! Reads its arguments and does nothing.

use clap::Parser;

#[derive(Parser)]
#[command(version)]
struct Cli {}

fn main() {
    Cli::parse();
}
