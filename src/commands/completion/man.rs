//! The man page: one for the program and all its verbs, so that it fits one standard output.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::Cli;

pub(super) fn page(name: &str) -> io::Result<Vec<u8>> {
    let mut program = Cli::command().subcommand_value_name("COMMAND");
    program.build();
    let version = env!("CARGO_PKG_VERSION");
    let man = Man::new(program.clone())
        .title(name.to_uppercase())
        .date(env!("XACCOUNT_DAY"))
        .source(format!("{name} {version}"))
        .manual("User Commands");
    let (mut title, mut text) = (Vec::new(), Vec::new());
    man.render_title(&mut title)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let mut page = String::from_utf8_lossy(&title).into_owned() + &sections(&text, "SH");
    for verb in program.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        page.push_str(&of_verb(verb)?);
    }
    if let Some(help) = program.get_after_long_help() {
        page.push_str(&as_typed(&help.to_string(), "SH"));
    }
    let mut end = Roff::new();
    end.control("SH", ["SEE ALSO"]).text([roman("kubectl(1)")]);
    page.push_str(&end.to_roff());
    Ok(ascii(&page).into_bytes())
}

/// The page in the characters that every roff reads: others as their code, `\\[u2026]`.
fn ascii(page: &str) -> String {
    let escaped = |character: char| match character {
        character if character.is_ascii() => character.to_string(),
        other => format!("\\[u{:04X}]", u32::from(other)),
    };
    page.chars().map(escaped).collect()
}

/// A verb as a section; what would be sections of its own page are subsections.
fn of_verb(verb: &Command) -> io::Result<String> {
    let name = verb.get_bin_name().unwrap_or_else(|| verb.get_name()).to_owned();
    let own = verb.clone().mut_args(|arg| {
        // They are under OPTIONS already.
        let everywhere = arg.is_global_set() || arg.get_id() == "help";
        // clap_mangen omits the text of a flag that the short help omits.
        let arg = arg.hide_short_help(false);
        // clap_mangen does not know aliases.
        match (arg.get_visible_aliases(), arg.get_help()) {
            _ if everywhere => arg.hide(true),
            (Some(aliases), Some(help)) if !aliases.is_empty() => {
                let help = format!("{help}. Also --{}", aliases.join(", --"));
                arg.help(help)
            }
            _ => arg,
        }
    });
    let man = Man::new(own);
    let mut text = Vec::new();
    man.render_description_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let mut section = Roff::new();
    section.control("SH", [name.to_uppercase().as_str()]);
    let mut page = section.to_roff() + &sections(&text, "SS");
    for help in [verb.get_before_long_help(), verb.get_after_long_help()].into_iter().flatten() {
        page.push_str(&as_typed(&help.to_string(), "SS"));
    }
    for verb in verb.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        page.push_str(&of_verb(verb)?);
    }
    Ok(page)
}

/// Blocks under titles that end with a colon. Their lines stay as they are.
fn as_typed(text: &str, heading: &str) -> String {
    let mut roff = Roff::new();
    let mut open = false;
    for line in text.lines() {
        match line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
            Some(title) => {
                if std::mem::replace(&mut open, true) {
                    roff.control("fi", []);
                }
                roff.control(heading, [title.to_uppercase().as_str()]).control("nf", []);
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

/// clap_mangen begins every section with the same two lines; the title's are enough. Headings become `heading`.
fn sections(text: &[u8], heading: &str) -> String {
    let mut page = String::new();
    for line in String::from_utf8_lossy(text).lines() {
        if line.starts_with(".ie ") || line.starts_with(".el ") {
            continue;
        }
        match line.strip_prefix(".SH ") {
            Some(title) => page.push_str(&format!(".{heading} {title}\n")),
            None => page.push_str(&format!("{line}\n")),
        }
    }
    page
}
