//! The syntax of names and labels in Kubernetes (apimachinery, `util/validation/validation.go`).

/// Maximum number of characters in an object's name.
pub const LONGEST_NAME: usize = 253;

/// Whether a text is an RFC 1123 label, such as a namespace's name.
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text)
}

/// Whether a text is an RFC 1123 subdomain, such as an object's name. Its parts may be longer than a label.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= LONGEST_NAME && text.split('.').all(is_dns_part)
}

fn is_dns_part(text: &str) -> bool {
    let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(ok) && text.ends_with(ok) && text.chars().all(|c| ok(c) || c == '-')
}

/// Whether a text is a qualified name: the key of a label or an annotation, optionally prefixed by a DNS subdomain and
/// a slash.
pub fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_dns_subdomain)
}

/// Whether a text is a label's value: empty, or up to 63 letters, digits, `-`, `_` and `.`, with letters or digits at
/// both ends.
pub fn is_label_value(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || text.len() <= 63
            && text.starts_with(ends)
            && text.ends_with(ends)
            && text.chars().all(|c| ends(c) || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_api_server_accepts() {
        assert!(
            is_dns_subdomain("a.b-1") && !is_dns_subdomain("a_b") && !is_dns_subdomain("a..b") && !is_dns_subdomain("")
        );
        assert!(is_dns_subdomain(&"a".repeat(253)) && !is_dns_subdomain(&"a".repeat(254)));
        assert!(is_dns_label("a-1") && !is_dns_label("a.b") && !is_dns_label(&"a".repeat(64)));
        assert!(is_qualified_name("example.com/Name_1") && !is_qualified_name("/a") && !is_qualified_name("a/"));
        assert!(!is_qualified_name(&format!("{}/k", "a".repeat(254))));
        assert!(is_label_value("") && is_label_value("A-1_b.c") && !is_label_value("a,b") && !is_label_value("-a"));
    }
}
