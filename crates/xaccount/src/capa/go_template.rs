//! Go templates of a ClusterClass, as far as they can be followed: every action prints one variable.
//!
//! Cluster API renders `valueFrom.template` with text/template and sprig, and reads the result as YAML or JSON
//! (kubernetes-sigs/cluster-api v1.11.0, `internal/controllers/topology/cluster/patches/inline/json_patch_generator.go`,
//! `renderValueTemplate`). Conditions, functions and pipelines are not evaluated here.

use lossless_yaml::yaml;

use super::value::Value;

/// A text of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateText {
    /// Without an action.
    Constant(String),
    /// Exactly one variable, as a dotted path.
    Variable(String),
}

/// What a template renders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    /// A scalar.
    Text(TemplateText),
    /// A mapping; its kind and name, if it has them.
    Mapping(Option<TemplateText>, Option<TemplateText>),
}

/// Stands for the variable of this number while the text is read as YAML.
fn mark(number: usize) -> String {
    format!("xaccountVariable{number}x")
}

/// What a template renders; `None` if it can't be followed.
pub(super) fn follow(template: &str) -> Option<Rendered> {
    let mut variables: Vec<String> = Vec::new();
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, action)) = rest.split_once("{{") {
        let (action, after) = action.split_once("}}")?;
        let (left, action) = action.strip_prefix("- ").map_or((false, action), |action| (true, action));
        let (right, action) = action.strip_suffix(" -").map_or((false, action), |action| (true, action));
        text.push_str(if left { before.trim_end() } else { before });
        text.push_str(&mark(variables.len()));
        variables.push(variable(action.trim())?);
        rest = if right { after.trim_start() } else { after };
    }
    text.push_str(rest);
    let tree = yaml::read(&text, 0).ok()?;
    let read = |text: &str| match variables.iter().enumerate().find(|(number, _)| text == mark(*number)) {
        Some((_, variable)) => Some(TemplateText::Variable(variable.clone())),
        None if (0..variables.len()).any(|number| text.contains(&mark(number))) => None,
        None => Some(TemplateText::Constant(text.to_owned())),
    };
    match Value::read(&tree, tree.root) {
        value @ Value::Leaf(_) => Some(Rendered::Text(read(value.text()?)?)),
        Value::Null(_) => None,
        value @ Value::Mapping(..) => {
            let member = |key: &str| match value.get(key) {
                None => Some(None),
                Some(member) => Some(Some(read(member.value.text()?)?)),
            };
            Some(Rendered::Mapping(member("kind")?, member("name")?))
        }
    }
}

/// The variable that an action prints: `.identity.name`.
fn variable(action: &str) -> Option<String> {
    let path = action.strip_prefix('.')?;
    let is_name = |name: &str| {
        name.chars().all(|one| one.is_alphanumeric() || one == '_')
            && name.chars().next().is_some_and(|first| !first.is_numeric())
    };
    path.split('.').all(is_name).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_one_variable_is_followed() {
        let variable = |path: &str| Some(Rendered::Text(TemplateText::Variable(path.into())));
        for (template, want) in [
            ("{{ .identityName }}", variable("identityName")),
            ("{{.identityName}}", variable("identityName")),
            ("{{- .a.b -}}\n", variable("a.b")),
            ("\"{{ .identityName }}\"", variable("identityName")),
            ("'{{ .identityName }}'\n", variable("identityName")),
            ("team", Some(Rendered::Text(TemplateText::Constant("team".into())))),
            ("team-{{ .identityName }}", None),
            ("{{ .a }}{{ .b }}", None),
            ("{{ .identityName | lower }}", None),
            ("{{ if .a }}b{{ end }}", None),
            ("{{ printf \"%s\" .a }}", None),
            ("{{ . }}", None),
            ("{{ .a", None),
            ("[{{ .a }}]", None),
            ("", None),
        ] {
            assert_eq!(follow(template), want, "{template}");
        }
    }

    #[test]
    fn a_template_of_a_reference_is_followed() {
        let constant = |text: &str| Some(TemplateText::Constant(text.into()));
        let variable = |text: &str| Some(TemplateText::Variable(text.into()));
        for (template, want) in [
            ("kind: Role\nname: {{ .n }}\n", Some(Rendered::Mapping(constant("Role"), variable("n")))),
            ("{\"kind\": \"Role\", \"name\": \"{{ .n }}\"}", Some(Rendered::Mapping(constant("Role"), variable("n")))),
            ("name: {{ .n }}", Some(Rendered::Mapping(None, variable("n")))),
            ("kind: Role\nname: a-{{ .n }}", None),
            ("kind: Role\nname: {a: {{ .n }}}", None),
        ] {
            assert_eq!(follow(template), want, "{template}");
        }
    }
}
