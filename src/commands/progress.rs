//! The progress bar, on a terminal.

use std::io::IsTerminal;
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Global;

/// The progress bar, if there is one.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Shows progress on stderr after one second, if it is a terminal and `--quiet` is not set.
pub(crate) fn begin(global: &Global) {
    if global.quiet || !std::io::stderr().is_terminal() {
        return;
    }
    let bar = BAR.get_or_init(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        match ProgressStyle::with_template("{spinner} {msg} {pos}/{len} files, {elapsed}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    });
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(1));
        if !bar.is_finished() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
        }
    });
}

/// Updates the progress: the current step, and the number of files done and in total.
pub(crate) fn show(what: &'static str, done: usize, total: usize) {
    if let Some(bar) = BAR.get() {
        bar.set_message(what);
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }
}

/// Removes the progress bar, so that messages can be printed to stderr.
pub(crate) fn end() {
    if let Some(bar) = BAR.get() {
        bar.finish_and_clear();
    }
}
