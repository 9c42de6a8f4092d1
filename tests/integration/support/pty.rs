//! What the program prints on a terminal of a given width.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Which streams are the terminal.
#[derive(Clone, Copy)]
pub(crate) enum Streams {
    Both,
    /// Stdout is a file.
    Stderr,
}

/// The output of the program.
pub(crate) struct Shown {
    /// On the terminal, with escape sequences for colours.
    pub(crate) terminal: String,
    /// On stdout, if that is a file.
    pub(crate) stdout: String,
    pub(crate) status: ExitStatus,
}

/// Runs the program in `directory` on a terminal of `columns` columns.
pub(crate) fn show(columns: u16, streams: Streams, args: &[&str], directory: &Path) -> Shown {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let name = name.to_str().unwrap().to_owned();
    let open = || File::options().read(true).write(true).open(&name).unwrap();
    let slave = open();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&slave, size).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-xaccount"));
    command.args(args).current_dir(directory).env("TERM", "xterm").stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.stderr(Stdio::from(OwnedFd::from(open())));
    match streams {
        Streams::Both => command.stdout(Stdio::from(OwnedFd::from(open()))),
        Streams::Stderr => command.stdout(Stdio::piped()),
    };
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(slave);
    let mut master = File::from(master);
    let reader = std::thread::spawn(move || {
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        // Once the program has ended, reading is an error.
        while let Ok(length @ 1..) = master.read(&mut part) {
            bytes.extend_from_slice(&part[..length]);
        }
        String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
    });
    let mut stdout = String::new();
    if let Some(mut stream) = child.stdout.take() {
        stream.read_to_string(&mut stdout).unwrap();
    }
    let status = child.wait().unwrap();
    Shown { terminal: reader.join().unwrap(), stdout, status }
}
