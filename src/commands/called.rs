//! The name that the program was called by: texts show commands as they can be typed.

use std::ffi::OsStr;
use std::path::Path;

/// How texts of this program write its commands.
const WRITTEN: &str = "kubectl xaccount";

/// The text with its commands as they can be typed.
///
/// kubectl, and krew's links, start the program with its whole path, and a shell that finds it on `PATH` with its name alone.
/// Without the name, the text is not changed.
pub(crate) fn as_typed(text: String) -> String {
    match std::env::args_os().next().and_then(|program| typed(&program)) {
        Some(typed) if typed != WRITTEN => text.replace(WRITTEN, &typed),
        _ => text,
    }
}

/// What to type to start a program with this path.
fn typed(program: &OsStr) -> Option<String> {
    let path = Path::new(program);
    let file = path.file_name()?.to_str()?;
    let file = file.strip_suffix(".exe").unwrap_or(file);
    let is_whole_path = path.parent().is_some_and(|directory| directory != Path::new(""));
    Some(match file.strip_prefix("kubectl-") {
        // In the file name of a plugin, `_` is a dash of its name.
        Some(plugin) if is_whole_path => format!("kubectl {}", plugin.replace('_', "-")),
        _ => file.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_they_can_be_typed() {
        for (program, expected) in [
            ("/home/me/.krew/bin/kubectl-xaccount", "kubectl xaccount"),
            ("./kubectl-xaccount.exe", "kubectl xaccount"),
            ("kubectl-xaccount", "kubectl-xaccount"),
            ("kubectl-xaccount.exe", "kubectl-xaccount"),
            ("/home/me/.krew/bin/kubectl-capa_xaccount", "kubectl capa-xaccount"),
            ("/usr/local/bin/xa", "xa"),
        ] {
            assert_eq!(typed(OsStr::new(program)).as_deref(), Some(expected), "{program}");
        }
        assert_eq!(typed(OsStr::new("")), None);
    }
}
