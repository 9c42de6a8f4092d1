//! The binary: parses the command line, runs the command, prints the result and exits.

mod cli;
mod commands;
mod output;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use commands::{CommandError, ExitStatus, Printed, Terminal};

fn main() -> ExitCode {
    if let Some(answer) = commands::completion::answer(std::env::args_os().skip(1).collect()) {
        return print(&Terminal::plain(), answer).into();
    }
    let cli = match parse() {
        Ok(cli) => cli,
        Err(status) => return status.into(),
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
        cli::Verb::Map(args) => commands::map::run(args, &terminal),
        cli::Verb::Explain(args) => Ok(commands::explain::run(args, &terminal)),
        cli::Verb::Completion(args) => commands::completion::run(args),
        cli::Verb::Version(args) => commands::version::run(args),
        // Handled in `parse`.
        cli::Verb::Help(_) => Ok(Printed::of(Vec::new())),
    };
    commands::progress::end();
    print(&terminal, result).into()
}

/// The parsed command line. Help, versions and errors are printed here, with or without colours as `--color` sets it.
///
/// # Errors
/// There is no command to run; the value is the exit status.
fn parse() -> Result<cli::Cli, ExitStatus> {
    let words = cli::command_line(std::env::args_os());
    let mut colours = words.iter().enumerate().filter_map(|(at, word)| match word.to_str()? {
        "--color" => words.get(at + 1)?.to_str(),
        word => word.strip_prefix("--color="),
    });
    let colour = match colours.next() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    };
    let parsed = |words: Vec<OsString>| {
        let mut matches = cli::Cli::command().try_get_matches_from(words)?;
        let specified = cli::Function::is_specified(&matches);
        let mut cli = cli::Cli::from_arg_matches_mut(&mut matches)?;
        if let cli::Verb::Function(flags) = &mut cli.verb {
            flags.specified = specified;
        }
        Ok::<_, clap::Error>(cli)
    };
    match parsed(words.clone()) {
        Ok(cli::Cli { verb: cli::Verb::Help(args), .. }) => {
            let program = words.first().cloned().unwrap_or_default();
            if let Some(error) = commands::usage::unknown_verb(&args.verb) {
                return Err(print(&Terminal::of_errors(colour), Err(error.into())));
            }
            let verb = args.verb.iter().map(OsString::from);
            let words: Vec<OsString> = std::iter::once(program).chain(verb).chain(["--help".into()]).collect();
            match parsed(words.clone()) {
                Ok(_) => Err(ExitStatus::Done),
                Err(error) => Err(print_usage(&error, &words, colour)),
            }
        }
        Ok(cli) => Ok(cli),
        Err(error) => Err(print_usage(&error, &words, colour)),
    }
}

/// Prints help and versions in clap's format, and errors in the format of all other errors.
fn print_usage(error: &clap::Error, words: &[OsString], colour: clap::ColorChoice) -> ExitStatus {
    // Help and version are results. Anything else is wrong usage: its status is never 1, which means a difference.
    let status = if error.use_stderr() { ExitStatus::Error } else { ExitStatus::Done };
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let choice = match colour {
            clap::ColorChoice::Always => anstream::ColorChoice::Always,
            clap::ColorChoice::Never => anstream::ColorChoice::Never,
            clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        };
        let rendered = |width| {
            let again = cli::Cli::command().color(colour).term_width(width).try_get_matches_from(words);
            again.err().map(|error| error.render().ansi().to_string()).unwrap_or_default()
        };
        let width = match error.use_stderr() {
            true => commands::width_of(&std::io::stderr()),
            false => commands::width_of(&std::io::stdout()),
        };
        let text = cli::fitted_help(rendered, width.unwrap_or(output::DEFAULT_WIDTH).max(output::NARROWEST));
        let text = commands::called::as_typed(text);
        let written = match error.use_stderr() {
            true => anstream::AutoStream::new(std::io::stderr(), choice).write_all(text.as_bytes()),
            false => anstream::AutoStream::new(std::io::stdout(), choice).write_all(text.as_bytes()),
        };
        return match written {
            Ok(()) => status,
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => status,
            Err(_) => ExitStatus::Error,
        };
    }
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let error = commands::usage::diagnostic(error, &words);
    print(&Terminal::of_errors(colour), Err(error.into()))
}

/// Prints the messages, the result and the summary. It is not an error if the reader closes the pipe (`| head`).
fn print(terminal: &Terminal, result: Result<Printed, CommandError>) -> ExitStatus {
    let printed = result.unwrap_or_else(|CommandError(messages)| Printed {
        messages,
        stdout: Vec::new(),
        summary: Vec::new(),
        status: ExitStatus::Error,
    });
    let mut stderr = std::io::stderr();
    // If stderr is closed, there is no place to report it.
    let mut say = |text: String| {
        let _ = stderr.write_all(commands::called::as_typed(text).as_bytes());
    };
    say(terminal.text(&terminal.first_messages()));
    say(terminal.text(&printed.messages));
    let result = write_stdout(&printed.stdout);
    say(terminal.summary(&printed.summary));
    let status = match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(stderr, "error: can't write to standard output: {error}");
            ExitStatus::Error
        }
        _ => printed.status,
    };
    // The program ends here: the system frees the memory faster than dropping each value would.
    std::mem::forget(printed);
    status
}

fn write_stdout(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
