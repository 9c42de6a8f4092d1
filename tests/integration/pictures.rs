//! The pictures of README.md and docs/ show what the program prints on a terminal, and can be read.

use snapbox::Data;
use snapbox::data::DataFormat;
use unicode_width::UnicodeWidthChar as _;

use crate::readme::{blocks, directory, printed, printed_in, read};
use crate::support::pty::{self, Streams};
use crate::support::root;

/// The terminal of the pictures.
const PICTURE_COLUMNS: u16 = 88;

/// Maximum width of a picture: GitHub scales wider ones down.
const WIDEST_PICTURE: f64 = 90.0;

/// Colours of the pictures, instead of those of an old screen, of which blue on black can't be read.
const COLOURS: [(&str, &str); 8] = [
    ("#000000", "#161B22"),
    ("#AAAAAA", "#E6EDF3"),
    ("#00AAAA", "#56D4DD"),
    ("#00AA00", "#56D364"),
    ("#AA5500", "#E3B341"),
    ("#AA0000", "#FF7B72"),
    ("#FF5555", "#FF7B72"),
    ("#5555FF", "#79C0FF"),
];

/// A picture, which shows a command and its output.
struct Picture {
    file: &'static str,
    /// The commands that run first.
    before: &'static [&'static str],
    line: &'static str,
    status: i32,
    /// The page that shows it.
    page: &'static str,
}

const PICTURES: [Picture; 3] = [
    Picture {
        file: "docs/diff.svg",
        before: &[],
        line: "inject cinder.yaml --account 222222222222",
        status: 1,
        page: "README.md",
    },
    Picture { file: "docs/finding.svg", before: &[], line: "lint heron.yaml", status: 1, page: "docs/lint.md" },
    Picture {
        file: "docs/status.svg",
        before: &[
            "inject clusters -R --cluster-name dev-* --cluster-name prod-a --account 222222222222 --identity-name development --allowed-namespaces dev --identity-file clusters/identities.yaml --write -q",
            "lint clusters -R --select XA038 --fix --write -q",
        ],
        line: "status clusters -R",
        status: 0,
        page: "docs/status.md",
    },
];

/// `SNAPSHOTS=overwrite cargo test` draws them again.
#[test]
fn the_pictures_are_real() {
    for Picture { file, before, line, status, page } in PICTURES {
        let directory = directory();
        for command in before {
            printed_in(directory.path(), command);
        }
        let words: Vec<&str> = line.split(' ').collect();
        let out = pty::show(PICTURE_COLUMNS, Streams::Both, &words, directory.path());
        assert_eq!(out.status.code(), Some(status));
        let shown =
            broken(&format!("$ kubectl xaccount {line}\n{}", out.terminal.trim_end()), usize::from(PICTURE_COLUMNS));
        let mut drawn = Data::text(shown).coerce_to(DataFormat::TermSvg).to_string();
        for (old, new) in COLOURS {
            drawn = drawn.replace(&format!("fill: {old}"), &format!("fill: {new}"));
        }
        assert_is_legible(file, &drawn);
        let picture = Data::read_from(&root().join(file), Some(DataFormat::Text));
        snapbox::Assert::new().action_env("SNAPSHOTS").eq(Data::text(drawn), picture.raw());
        assert_is_legible(file, &read(file));
        let link = file.strip_prefix("docs/").filter(|_| page.starts_with("docs/")).unwrap_or(file);
        assert!(read(page).contains(&format!("]({link})")), "{page} lacks {file}");
    }
}

/// Breaks lines where a terminal breaks those that the program does not wrap, such as lines of a diff.
fn broken(text: &str, columns: usize) -> String {
    let (mut broken, mut column, mut in_escape) = (String::new(), 0, false);
    for character in text.chars() {
        let width = if in_escape { 0 } else { character.width().unwrap_or(0) };
        if column + width > columns {
            broken.push('\n');
            column = 0;
        }
        column = if character == '\n' { 0 } else { column + width };
        in_escape = character == '\u{1b}' || in_escape && character != 'm';
        broken.push(character);
    }
    broken
}

/// Fails if a picture is too wide, or if a colour is hard to read on its background.
fn assert_is_legible(file: &str, picture: &str) {
    let (_, width) = picture.split_once("<svg width=\"").expect("a width");
    let (width, _) = width.split_once("px").expect("a width in pixels");
    let columns = (width.parse::<f64>().unwrap() - 20.0) / 8.4;
    assert!(columns <= WIDEST_PICTURE, "{file} is {columns:.0} columns wide");
    let fills: Vec<(&str, f64)> = picture
        .lines()
        .filter_map(|line| line.trim().strip_prefix('.')?.split_once(" { fill: #"))
        .map(|(class, colour)| (class, luminance(&colour[..6])))
        .collect();
    let (_, background) = fills.iter().find(|(class, _)| *class == "bg").expect("a background");
    for (class, colour) in fills.iter().filter(|(class, _)| *class != "bg") {
        let contrast = (colour + 0.05) / (background + 0.05);
        assert!(contrast >= 4.5, "{file}: the contrast of {class} is {contrast:.1}");
    }
}

/// The relative luminance of a colour such as `79C0FF` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

#[test]
fn the_flowchart_is_real() {
    let inject = "inject clusters -R --cluster-name dev-* --account 222222222222 --allowed-namespaces dev --identity-file clusters/identities.yaml --write -q";
    let drawn = printed(&[inject], "status -f clusters -R -o mermaid");
    assert_eq!(blocks(&read("docs/status.md"), "mermaid"), [drawn]);
}
