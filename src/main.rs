//! The binary: parse, call, print, exit status.

mod cli;
mod commands;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use commands::{ExitStatus, Printed, Terminal};

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; anything else is wrong usage, and never looks like a difference.
            let status = if error.use_stderr() {
                ExitStatus::Error
            } else {
                ExitStatus::Done
            };
            return match error.print() {
                Ok(()) => status.into(),
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => status.into(),
                Err(_) => ExitStatus::Error.into(),
            };
        }
    };
    let terminal = Terminal::new(&cli.global);
    let Printed {
        stdout,
        stderr,
        status,
    } = match &cli.verb {
        cli::Verb::Inject(args) => commands::inject::run(args, &terminal),
    };
    // stderr first: with `| less` the summary would otherwise be lost behind the pager.
    if std::io::stderr().write_all(stderr.as_bytes()).is_err() {
        return status.into();
    }
    match write_stdout(&stdout) {
        Ok(()) => status.into(),
        // The reader had enough: `| head` is no error.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => status.into(),
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "error: standard output can't be written: {error}"
            );
            ExitStatus::Error.into()
        }
    }
}

fn write_stdout(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
