//! The program compared with what the system itself takes: `cargo bench --bench ratios` prints one table.
//!
//! Each line runs the program and a floor (an empty clap program, `cp` and fsync, `cat`, a loop that reads a tree) in
//! alternation, so that the ratio is meaningful on any machine; the times themselves are meaningful only on a quiet
//! one. The ratio is the median of the ratios of the pairs, CPU time is user plus system, peak RSS is the largest of
//! all runs.
//!
//! `cargo bench --bench ratios -- --smoke` runs everything once on small inputs and does not check the times: CI uses
//! it to see that the benchmarks work and that the outputs are right. Arguments select groups: `start-up`, `bundles`,
//! `trees`, `owners`, `map`, `lint`, `list`, `growth`, `proof`.
//!
//! In `growth`, the floor is the program itself over half the input, and the goal is for the CPU time: a path that
//! takes four times as long for twice as many identities, links of a chain or items of a list is found on any machine.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]
#![allow(missing_docs)]

#[cfg(unix)]
mod cases;
#[cfg(unix)]
mod check;
#[cfg(unix)]
mod data;
#[cfg(unix)]
mod floor;
#[cfg(unix)]
mod growth;
#[cfg(unix)]
mod measure;
#[cfg(unix)]
mod proof;

#[cfg(not(unix))]
fn main() {
    eprintln!("these benchmarks need Unix");
}

#[cfg(unix)]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, paths @ ..] = &arguments[..]
        && flag == "--floor"
    {
        let paths: Vec<std::path::PathBuf> = paths.iter().map(Into::into).collect();
        return floor::run(name, &paths);
    }
    let given = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // `cargo test --benches` runs this without --bench, and without optimization.
    let smoke = given("--smoke") || !given("--bench");
    let groups: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with("--")).collect();
    let load = || std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let before = load();
    println!("| {} |\n|{}", measure::HEAD.join(" | "), "---|".repeat(measure::HEAD.len()));
    let (rows, proof) = cases::all(smoke, &groups);
    if let Some(proof) = proof {
        println!("\n{proof}");
    }
    let missed = rows.iter().filter(|row| row.missed).count();
    println!("\nLoad before: {}; after: {}", before.trim(), load().trim());
    println!("{} cases, {missed} of them missed the goal", rows.len());
}
