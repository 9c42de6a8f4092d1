//! The man page: one for the program and all its verbs, so that it fits one standard output.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::NAME;
use crate::cli::Cli;

pub(super) fn page() -> io::Result<Vec<u8>> {
    let mut program = Cli::command();
    program.build();
    let version = env!("CARGO_PKG_VERSION");
    let man = Man::new(program.clone())
        .title(NAME.to_uppercase())
        .date(env!("XACCOUNT_DAY"))
        .source(format!("{NAME} {version}"))
        .manual("User Commands");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let mut page = without_preamble(&text, true);
    for verb in program.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        page.push_str(&of_verb(verb)?);
    }
    let mut end = Roff::new();
    if let Some((title, body)) = program.get_after_long_help().map(ToString::to_string).as_deref().and_then(paragraph) {
        end.control("SH", [title.to_uppercase().as_str()]).text([roman(body)]);
    }
    end.control("SH", ["SEE ALSO"]).text([roman("kubectl(1)")]);
    page.push_str(&end.to_roff());
    Ok(page.into_bytes())
}

/// `Title: text`
fn paragraph(text: &str) -> Option<(&str, &str)> {
    text.split_once(": ")
}

/// A verb as a section; what would be sections of its own page are subsections.
fn of_verb(verb: &Command) -> io::Result<String> {
    let name = verb.get_bin_name().unwrap_or_else(|| verb.get_name()).to_owned();
    // They stand under OPTIONS already.
    let own = verb.clone().mut_args(|arg| {
        let everywhere = arg.is_global_set() || arg.get_id() == "help";
        if everywhere { arg.hide(true) } else { arg }
    });
    let man = Man::new(own);
    let mut text = Vec::new();
    man.render_description_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let mut section = Roff::new();
    section.control("SH", [name.to_uppercase().as_str()]);
    let mut page = section.to_roff() + &without_preamble(&text, false).replace("\n.SH ", "\n.SS ");
    if let Some(help) = verb.get_after_long_help() {
        page.push_str(&as_typed(&help.to_string()));
    }
    Ok(page)
}

/// Blocks under titles that end with a colon. Their lines stay as they are.
fn as_typed(text: &str) -> String {
    let mut roff = Roff::new();
    let mut open = false;
    for line in text.lines() {
        match line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
            Some(title) => {
                if std::mem::replace(&mut open, true) {
                    roff.control("fi", []);
                }
                roff.control("SS", [title.to_uppercase().as_str()]).control("nf", []);
            }
            None => {
                roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
            }
        }
    }
    if open {
        roff.control("fi", []);
    }
    roff.to_roff()
}

/// clap_mangen begins every section with two lines that one page needs once.
fn without_preamble(text: &[u8], first: bool) -> String {
    let is_preamble = |line: &str| line.starts_with(".ie \\n(.g") || line.starts_with(".el .ds");
    let text = String::from_utf8_lossy(text);
    let mut left = if first { 2 } else { 0 };
    let mut page = String::new();
    for line in text.lines() {
        if is_preamble(line) {
            if left == 0 {
                continue;
            }
            left -= 1;
        }
        page.push_str(line);
        page.push('\n');
    }
    page
}
