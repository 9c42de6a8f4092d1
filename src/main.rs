//! The binary: parse, call, print, exit status.

mod cli;
mod commands;
mod output;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use commands::{ExitStatus, Printed, Terminal};

fn main() -> ExitCode {
    if let Some(printed) = commands::completion::answer(std::env::args_os().skip(1).collect()) {
        return print("", &printed).into();
    }
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; anything else is wrong usage, and never looks like a difference.
            let status = if error.use_stderr() { ExitStatus::Error } else { ExitStatus::Done };
            return match error.print() {
                Ok(()) => status.into(),
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => status.into(),
                Err(_) => ExitStatus::Error.into(),
            };
        }
    };
    let terminal = Terminal::new(&cli.global);
    commands::begin_progress(&cli.global);
    let printed = match &cli.verb {
        cli::Verb::Inject(args) => commands::inject::run(args, &terminal),
        cli::Verb::Eject(args) => commands::eject::run(args, &terminal),
        cli::Verb::Identity(args) => commands::identity::run(args, &terminal),
        cli::Verb::Function(args) => commands::function::run(args, &terminal),
        cli::Verb::Iam(args) => commands::iam::run(args, &terminal),
        cli::Verb::Lint(args) => commands::lint::run(args, &terminal),
        cli::Verb::Status(args) => commands::status::run(args, &terminal),
        cli::Verb::Explain(args) => commands::explain::run(args),
        cli::Verb::Completion(args) => commands::completion::run(args),
    };
    commands::end_progress();
    print(&terminal.first_messages(), &printed).into()
}

/// The command line. What is wrong with it is said in the colours that it asks for.
fn parse() -> Result<cli::Cli, clap::Error> {
    let words = cli::command_line(std::env::args_os());
    let mut asked = words.iter().enumerate().filter_map(|(at, word)| match word.to_str()? {
        "--color" => words.get(at + 1)?.to_str(),
        word => word.strip_prefix("--color="),
    });
    let colour = match asked.next() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    };
    let mut matches = cli::Cli::command().color(colour).try_get_matches_from(words)?;
    let specified = cli::Function::is_specified(&matches);
    let mut cli = cli::Cli::from_arg_matches_mut(&mut matches)?;
    if let cli::Verb::Function(flags) = &mut cli.verb {
        flags.specified = specified;
    }
    Ok(cli)
}

/// Warnings, the result, what it means. A reader that had enough (`| head`) is no error.
fn print(first: &str, printed: &Printed) -> ExitStatus {
    let mut stderr = std::io::stderr();
    // Nobody can be told that stderr is closed.
    let _ = stderr.write_all(first.as_bytes());
    let _ = stderr.write_all(printed.before.as_bytes());
    let result = write_stdout(&printed.stdout);
    let _ = stderr.write_all(printed.after.as_bytes());
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(stderr, "error: standard output can't be written: {error}");
            ExitStatus::Error
        }
        _ => printed.status,
    }
}

fn write_stdout(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
