//! The binary: parse, call, print, exit status.

mod cli;
mod commands;
mod output;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use commands::{CommandError, ExitStatus, Printed, Terminal};

fn main() -> ExitCode {
    if let Some(answer) = commands::completion::answer(std::env::args_os().skip(1).collect()) {
        return print(&Terminal::plain(), answer).into();
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
    commands::progress::begin(&cli.global);
    let result = match &cli.verb {
        cli::Verb::Inject(args) => commands::inject::run(args, &terminal),
        cli::Verb::Eject(args) => commands::eject::run(args, &terminal),
        cli::Verb::Identity(args) => commands::identity::run(args, &terminal),
        cli::Verb::Function(args) => commands::function::run(args, &terminal),
        cli::Verb::Iam(args) => commands::iam::run(args, &terminal),
        cli::Verb::Lint(args) => commands::lint::run(args, &terminal),
        cli::Verb::Status(args) => commands::status::run(args, &terminal),
        cli::Verb::Explain(args) => Ok(commands::explain::run(args)),
        cli::Verb::Completion(args) => commands::completion::run(args),
    };
    commands::progress::end();
    print(&terminal, result).into()
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

/// Messages, the result, what it means. A reader that had enough (`| head`) is no error.
fn print(terminal: &Terminal, result: Result<Printed, CommandError>) -> ExitStatus {
    let printed = result.unwrap_or_else(|CommandError(messages)| Printed {
        messages,
        stdout: Vec::new(),
        summary: Vec::new(),
        status: ExitStatus::Error,
    });
    let mut stderr = std::io::stderr();
    // Nobody can be told that stderr is closed.
    let _ = stderr.write_all(terminal.text(&terminal.first_messages()).as_bytes());
    let _ = stderr.write_all(terminal.text(&printed.messages).as_bytes());
    let result = write_stdout(&printed.stdout);
    let _ = stderr.write_all(terminal.summary(&printed.summary).as_bytes());
    let status = match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(stderr, "error: standard output can't be written: {error}");
            ExitStatus::Error
        }
        _ => printed.status,
    };
    // The program ends: the system takes the files back faster than they can be freed piece by piece.
    std::mem::forget(printed);
    status
}

fn write_stdout(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
