//! Template languages: placeholders that a program fills in before a text is a manifest.

/// A marker of template languages.
struct TemplateMarker {
    open: &'static str,
    close: &'static str,
    /// The language, if a document with the marker is a template of it. Markers without a language are values in plain
    /// YAML.
    language: Option<&'static str>,
}

/// The markers, in the order in which they decide the language of a document.
const MARKERS: [TemplateMarker; 5] = [
    TemplateMarker { open: "{%", close: "%}", language: Some("a Jinja template") },
    // In quotes, it is a value of plain YAML, too.
    TemplateMarker { open: "{{", close: "}}", language: Some("a Helm or Go template") },
    TemplateMarker { open: "<%", close: "%>", language: Some("an ERB template") },
    // envsubst, clusterctl and Flux.
    TemplateMarker { open: "${", close: "}", language: None },
    // Kubernetes (dependent environment variables) and kustomize (vars).
    TemplateMarker { open: "$(", close: ")", language: None },
];

/// Whether a text contains a placeholder, which is filled in before the text is applied.
pub(crate) fn is_filled_in(text: &str) -> bool {
    MARKERS.iter().any(|marker| text.contains(marker.open))
}

/// The language that a document is a template of: `a Jinja template`.
pub(crate) fn language(document: &[u8]) -> Option<&'static str> {
    let holds = |marker: &&TemplateMarker| memchr::memmem::find(document, marker.open.as_bytes()).is_some();
    MARKERS.iter().filter(|marker| marker.language.is_some()).find(holds)?.language
}

/// The first placeholder of a text, with its markers: `${ACCOUNT}`.
pub(crate) fn placeholder(text: &str) -> Option<&str> {
    let whole = |marker: &TemplateMarker| {
        let start = text.find(marker.open)?;
        let inside = start + marker.open.len();
        let end = inside + text[inside..].find(marker.close)? + marker.close.len();
        Some((start, end))
    };
    let (start, end) = MARKERS.iter().filter_map(whole).min()?;
    Some(&text[start..end])
}

/// The first `${…}` of a text, as envsubst, clusterctl and Flux fill it in, with the text before and after it. `None` if there
/// is none, or if it has a character that a quoted text of YAML or JSON would change.
pub(crate) fn next_variable(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find("${")?;
    let end = start + text[start..].find('}')? + 1;
    let inside = &text[start + 2..end - 1];
    let is_name = inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_plain = inside.bytes().all(|b| b.is_ascii_graphic() && !b"\"'\\${".contains(&b));
    (is_name && is_plain).then_some((&text[..start], &text[start..end], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_known_by_its_markers() {
        for (text, is_filled, of) in [
            ("${A}", true, None),
            ("$(A)", true, None),
            ("{{ .a }}", true, Some("a Helm or Go template")),
            ("{% if %}{{ a }}", true, Some("a Jinja template")),
            ("<%= a %>", true, Some("an ERB template")),
            ("$A <a> {a}", false, None),
        ] {
            assert_eq!((is_filled_in(text), language(text.as_bytes())), (is_filled, of), "{text}");
        }
        assert_eq!(placeholder("a ${B} {{ c }}"), Some("${B}"));
        assert_eq!(placeholder("<%= a %>"), Some("<%= a %>"));
        assert_eq!(placeholder("${A"), None);
        assert_eq!(next_variable("a-${B:=1:2}-c"), Some(("a-", "${B:=1:2}", "-c")));
        for text in ["a", "$A", "${A", "${}", "${1}", "${A B}", "${A:='b'}", "$(A)"] {
            assert_eq!(next_variable(text), None, "{text}");
        }
    }
}
