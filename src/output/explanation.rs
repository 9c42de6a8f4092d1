//! What a rule finds, in full.

use xaccount::lint::Rule;

/// The page of all rules.
const PAGE: &str = include_str!("../../docs/rules.md");

/// A rule's section of `docs/rules.md`: what it finds, why, and a wrong and a right example.
pub(crate) fn explanation(rule: &Rule) -> &'static str {
    let heading = format!("## {} {}\n", rule.id, rule.name);
    let Some(start) = PAGE.find(&heading) else { return "" };
    let section = &PAGE[start + "## ".len()..];
    section.find("\n## ").map_or(section, |end| &section[..end])
}

#[cfg(test)]
mod tests {
    use xaccount::lint::RULES;

    use super::*;

    #[test]
    fn each_rule_has_a_section() {
        for rule in RULES {
            assert!(explanation(rule).starts_with(rule.id.code()), "{} has a section in docs/rules.md", rule.id);
        }
        assert_eq!(PAGE.matches("\n## ").count(), RULES.len());
    }
}
