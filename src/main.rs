//! The binary: parse, call, print, exit status.

mod cli;
mod commands;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use commands::{ExitStatus, Printed, Terminal};

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse_from(cli::command_line(std::env::args_os())) {
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
    let printed = match &cli.verb {
        cli::Verb::Inject(args) => commands::inject::run(args, &terminal),
        cli::Verb::Function(args) => commands::function::run(args, &terminal),
    };
    print(&printed).into()
}

/// Warnings, the result, what it means. A reader that had enough (`| head`) is no error.
fn print(printed: &Printed) -> ExitStatus {
    let mut stderr = std::io::stderr();
    // Nobody can be told that stderr is closed.
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
