//! What a rule finds, in full.

use anstyle::{AnsiColor, Style};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::screen::Screen;
use super::table::styled;
use xaccount::lint::Rule;

/// The page of all rules.
const PAGE: &str = include_str!("../../docs/rules.md");

/// Text of a page is wrapped at this width on a wider terminal: longer lines are hard to read.
const WIDEST: usize = 100;

/// A blank in code: a line is never broken there.
const UNBROKEN: &str = "\u{a0}";

const HEADING: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();

/// A rule's section of `docs/rules.md`: what it finds, why, and a wrong and a right example. Markdown, unless it is shown on a
/// terminal.
pub(crate) fn explanation(rule: &Rule, screen: Screen) -> String {
    let section = section(rule);
    match screen.width {
        None => unwrapped(section),
        Some(width) => rendered(section, Screen { width: Some(width.min(WIDEST)), ..screen }),
    }
}

pub(super) fn section(rule: &Rule) -> &'static str {
    let heading = format!("## {} {}\n", rule.id, rule.name);
    let Some(start) = PAGE.find(&heading) else { return "" };
    let section = &PAGE[start + "## ".len()..];
    section.find("\n## ").map_or(section, |end| &section[..end])
}

/// Markdown whose paragraphs are one line each: the page is wrapped for editors.
fn unwrapped(markdown: &str) -> String {
    let (mut out, mut code) = (String::new(), false);
    for line in markdown.lines() {
        let fence = line.starts_with("```");
        let goes_on = !code && !fence && !line.is_empty() && !line.starts_with("- ");
        if goes_on && !out.is_empty() && !out.ends_with("\n\n") && !out.ends_with("```\n") && out.contains("\n\n") {
            out.pop();
            out.push(' ');
        }
        code ^= fence;
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Markdown for a terminal: paragraphs wrapped, code indented as it is, emphasis and code in colours.
fn rendered(markdown: &str, screen: Screen) -> String {
    let (title, body) = markdown.split_once('\n').unwrap_or((markdown, ""));
    let mut out = styled(title, HEADING, screen.colour) + "\n";
    let (mut text, mut item) = (String::new(), false);
    let (mut bold, mut code) = (false, false);
    for event in Parser::new(body) {
        match event {
            Event::Start(Tag::Strong) => bold = true,
            Event::End(TagEnd::Strong) => bold = false,
            Event::Start(Tag::Item) => item = true,
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented)) => {
                code = true;
                out.push('\n');
            }
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Text(more) if code => out.extend(more.lines().map(|line| format!("    {line}\n"))),
            Event::Text(more) if bold => text.push_str(&styled(&more, HEADING, screen.colour)),
            Event::Text(more) => text.push_str(&more),
            Event::Code(more) => text.push_str(&styled(&more.replace(' ', UNBROKEN), CODE, screen.colour)),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::Heading(_)) if !text.is_empty() => {
                let (before, indent) = if std::mem::take(&mut item) { ("- ", 2) } else { ("\n", 0) };
                let wrapped = screen.wrap(&std::mem::take(&mut text), indent, indent).replace(UNBROKEN, " ");
                out.push_str(&format!("{before}{wrapped}\n"));
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use xaccount::lint::RULES;

    use super::*;

    #[test]
    fn each_rule_has_a_section() {
        for rule in RULES {
            assert!(section(rule).starts_with(rule.id.code()), "{} has a section in docs/rules.md", rule.id);
        }
        assert_eq!(PAGE.matches("\n## ").count(), RULES.len());
    }

    #[test]
    fn a_page_on_a_terminal_has_no_markdown_and_fits() {
        let screen = Screen { colour: false, width: Some(80) };
        for rule in RULES {
            let page = explanation(rule, screen);
            let prose = page.lines().filter(|line| !line.starts_with("    "));
            for line in prose {
                assert!(!line.contains("```") && !line.contains("**"), "{}: {line}", rule.id);
                // A word alone may be longer.
                assert!(line.chars().count() <= 80 || !line.trim().contains(' '), "{}: {line}", rule.id);
            }
            assert!(
                page.contains("Wrong:\n\n    apiVersion:") || !section(rule).contains("Wrong:\n\n```yaml\napiVersion")
            );
        }
    }
}
