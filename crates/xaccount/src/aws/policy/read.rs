//! Reads a document's tree into a [`Policy`].

use super::{Condition, Effect, Element, Policy, Principals, Statement, Text, Texts};
use crate::diag::SpannedError;
use lossless_yaml::{Data, NodeId, Tree};

/// The elements of a statement, as IAM spells them.
const ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

impl Policy {
    /// Reads a document of strict JSON.
    ///
    /// # Errors
    /// The document is not a valid policy: a duplicate key, an element of the wrong type, a statement without an effect
    /// or an action, or a duplicate `Sid` that is not empty.
    pub fn read(tree: &Tree<'_>) -> Result<Self, SpannedError> {
        let reader = PolicyReader { tree };
        let root = tree.root;
        if tree.entries(root).is_none() {
            return Err(reader.refuse(root, format!("a policy document is an object, but this is {}", reader.is(root))));
        }
        if reader.member(root, "apiVersion").is_some() && reader.member(root, "kind").is_some() {
            return Err(reader.refuse(root, "this is a Kubernetes manifest, not a policy document"));
        }
        let Some(statement) = reader.member(root, "Statement") else {
            return Err(reader.no_statement());
        };
        reader.no_key_twice(root)?;
        let has_variables = match reader.member(root, "Version").map(|node| (node, reader.string(node))) {
            None | Some((_, Some("2008-10-17"))) => false,
            Some((_, Some("2012-10-17"))) => true,
            Some((node, _)) => {
                return Err(reader.refuse(node, "unknown policy version; IAM supports 2012-10-17 and 2008-10-17"));
            }
        };
        let list = tree.items(statement);
        let nodes = list.map_or_else(|| vec![statement], <[NodeId]>::to_vec);
        let statements: Vec<Statement> =
            nodes.iter().enumerate().map(|(index, &node)| reader.statement(index, node)).collect::<Result<_, _>>()?;
        let mut sids = std::collections::HashSet::new();
        // AWS allows any number of empty ones.
        for sid in statements.iter().filter_map(Statement::named_sid) {
            if !sids.insert(&sid.text) {
                let message = format!("two statements have the Sid {}", crate::diag::escape_control(&sid.text));
                return Err(SpannedError::new(message, sid.span).help("AWS refuses such a policy; rename one of them"));
            }
        }
        Ok(Self { has_variables, statements, is_list: list.is_some() })
    }
}

struct PolicyReader<'t, 's> {
    tree: &'t Tree<'s>,
}

impl PolicyReader<'_, '_> {
    fn refuse(&self, node: NodeId, message: impl Into<String>) -> SpannedError {
        SpannedError::new(message, self.tree.span(node))
    }

    fn no_statement(&self) -> SpannedError {
        let root = self.tree.root;
        let error = self.refuse(root, "this is not a policy document: it has no Statement");
        match self.member(root, "Effect") {
            Some(_) => {
                error.help("it is a single statement; a document is {\"Version\": \"2012-10-17\", \"Statement\": […]}")
            }
            None => error,
        }
    }

    /// The type of a node, with its article.
    fn is(&self, node: NodeId) -> &'static str {
        match &self.tree.node(node).data {
            Data::Mapping { .. } => "an object",
            Data::Sequence { .. } => "a list",
            _ if self.string(node).is_some() => "a string",
            _ => "a number, a boolean or null",
        }
    }

    fn member(&self, object: NodeId, name: &str) -> Option<NodeId> {
        let entries = self.tree.entries(object)?;
        entries.iter().find(|&&(key, _)| self.tree.text(key) == Some(name)).map(|&(_, value)| value)
    }

    /// The text of a string; numbers and booleans have none.
    fn string(&self, node: NodeId) -> Option<&str> {
        let plain = matches!(self.tree.node(node).data, Data::Scalar { style: lossless_yaml::ScalarStyle::Plain, .. });
        self.tree.text(node).filter(|_| !plain)
    }

    fn no_key_twice(&self, object: NodeId) -> Result<(), SpannedError> {
        if let Some(items) = self.tree.items(object) {
            return items.iter().try_for_each(|&item| self.no_key_twice(item));
        }
        let mut seen = std::collections::HashSet::new();
        for &(key, value) in self.tree.entries(object).unwrap_or_default() {
            let name = self.tree.text(key).unwrap_or_default();
            if !seen.insert(name) {
                let message = format!("duplicate key \"{}\"", crate::diag::escape_control(name));
                return Err(self.refuse(key, message).help("parsers disagree on which one counts; remove one of them"));
            }
            self.no_key_twice(value)?;
        }
        Ok(())
    }

    fn statement(&self, index: usize, node: NodeId) -> Result<Statement, SpannedError> {
        let wrong = |node: NodeId, what: String| self.refuse(node, format!("{what} in statement {}", index + 1));
        if self.tree.entries(node).is_none() {
            return Err(self.refuse(node, format!("a statement is an object, but this is {}", self.is(node))));
        }
        let sid = match self.member(node, "Sid") {
            None => None,
            Some(sid) => Some(self.text(sid).ok_or_else(|| wrong(sid, "the Sid is not a string".into()))?),
        };
        let effect = match self.member(node, "Effect").map(|effect| (effect, self.string(effect))) {
            Some((_, Some("Allow"))) => Effect::Allow,
            Some((_, Some("Deny"))) => Effect::Deny,
            Some((effect, _)) => return Err(wrong(effect, "the Effect is neither Allow nor Deny".into())),
            None => return Err(wrong(node, "missing Effect".into())),
        };
        if let Some(principals) = self.member(node, "NotPrincipal") {
            return Err(not_accepted(wrong(principals, "NotPrincipal".into()))
                .help("use Principal; to exempt principals from a Deny, add a condition on aws:PrincipalArn"));
        }
        let principals = self.member(node, "Principal").map(|node| self.principals(index, node)).transpose()?;
        let action = self.element(node, "Action")?;
        let action = action.ok_or_else(|| wrong(node, "missing Action or NotAction".into()))?;
        let resource = self.element(node, "Resource")?;
        let condition = self.member(node, "Condition");
        let conditions = condition.map_or(Ok(Vec::new()), |node| self.conditions(node))?;
        let keys = self.tree.entries(node).unwrap_or_default().iter().map(|&(key, _)| self.scalar(key));
        let unknown = keys.filter(|key| !ELEMENTS.contains(&key.text.as_str())).collect();
        Ok(Statement {
            index,
            span: self.tree.span(node),
            sid,
            effect,
            principals,
            action,
            resource,
            conditions,
            condition_span: condition.map(|node| self.tree.span(node)),
            unknown,
        })
    }

    /// An element or its `Not…` form, with whether it is the latter. The error is the latter, if there are both.
    fn either(&self, statement: NodeId, name: &str) -> Result<Option<(bool, NodeId)>, NodeId> {
        let (plain, not) = (self.member(statement, name), self.member(statement, &format!("Not{name}")));
        match (plain, not) {
            (Some(_), Some(not)) => Err(not),
            (Some(node), None) => Ok(Some((false, node))),
            (None, Some(node)) => Ok(Some((true, node))),
            (None, None) => Ok(None),
        }
    }

    fn element(&self, statement: NodeId, name: &str) -> Result<Option<Element>, SpannedError> {
        let either = self.either(statement, name);
        let found =
            either.map_err(|node| self.refuse(node, format!("a statement can't have both {name} and Not{name}")))?;
        found.map(|(not, node)| Ok(Element { not, patterns: self.texts(node, name)? })).transpose()
    }

    fn principals(&self, index: usize, node: NodeId) -> Result<Principals, SpannedError> {
        let types = match (self.string(node), self.tree.entries(node)) {
            (Some("*"), _) => {
                let error = format!("the Principal \"*\" in statement {} has no type", index + 1);
                return Err(not_accepted(self.refuse(node, error))
                    .help("write \"Principal\": {\"AWS\": \"*\"}, which allows every AWS account"));
            }
            (Some(text), _) => {
                let message = format!("the Principal \"{}\" has no type", crate::diag::escape_control(text));
                return Err(self.refuse(node, message).help("write \"Principal\": {\"AWS\": \"…\"}"));
            }
            (None, Some(entries)) => entries
                .iter()
                .map(|&(key, value)| {
                    let kind = self.tree.text(key).unwrap_or_default();
                    Ok((kind.to_owned(), self.texts(value, "Principal")?))
                })
                .collect::<Result<_, SpannedError>>()?,
            (None, None) => {
                let message = format!("a Principal is an object of types, but this is {}", self.is(node));
                let help = "write one object, \"Principal\": {\"AWS\": [\"…\", \"…\"]}";
                return Err(self.refuse(node, message).help(help));
            }
        };
        Ok(Principals { types, span: self.tree.span(node) })
    }

    fn conditions(&self, node: NodeId) -> Result<Vec<Condition>, SpannedError> {
        let object = |node: NodeId, what: &str| {
            let entries = self.tree.entries(node);
            entries.ok_or_else(|| self.refuse(node, format!("{what} is an object, but this is {}", self.is(node))))
        };
        let mut conditions = Vec::new();
        for &(operator, keys) in object(node, "a Condition")? {
            for &(key, values) in object(keys, "an operator of a Condition")? {
                let values = match self.tree.items(values) {
                    Some(items) => items,
                    None => &[values],
                };
                let values = values.iter().map(|&value| self.value(value)).collect::<Result<_, _>>()?;
                conditions.push(Condition { operator: self.scalar(operator), key: self.scalar(key), values });
            }
        }
        Ok(conditions)
    }

    /// A value of a condition, which may also be a number or a boolean.
    fn value(&self, node: NodeId) -> Result<Text, SpannedError> {
        match self.tree.text(node) {
            Some(_) if !self.tree.is_null(node) => Ok(self.scalar(node)),
            _ => Err(self.refuse(node, format!("the value of a condition is {}, not a string", self.is(node)))),
        }
    }

    fn texts(&self, node: NodeId, what: &str) -> Result<Texts, SpannedError> {
        let items = self.tree.items(node);
        let texts: Option<Vec<Text>> = match items {
            Some(items) => items.iter().map(|&item| self.text(item)).collect(),
            None => self.text(node).map(|text| vec![text]),
        };
        let texts = texts.ok_or_else(|| {
            let odd = items.and_then(|items| items.iter().find(|&&item| self.string(item).is_none())).copied();
            let message = format!("{what} must be a string or a list of strings");
            self.refuse(odd.unwrap_or(node), message)
        })?;
        Ok(Texts { texts, is_list: items.is_some(), span: self.tree.span(node) })
    }

    fn text(&self, node: NodeId) -> Option<Text> {
        self.string(node).map(|text| Text { text: text.to_owned(), span: self.tree.span(node) })
    }

    fn scalar(&self, node: NodeId) -> Text {
        Text { text: self.tree.text(node).unwrap_or_default().to_owned(), span: self.tree.span(node) }
    }
}

/// An error about a document that AWS refuses to save. Sources: IAM user guide, "AWS JSON policy elements:
/// NotPrincipal" ("You cannot use the NotPrincipal element in an IAM identity-based policy nor in an IAM role trust
/// policy"); the error of `UpdateAssumeRolePolicy`, `AssumeRolepolicy contained an invalid principal: "STAR":"*"`.
fn not_accepted(error: SpannedError) -> SpannedError {
    error.help("AWS does not accept this document as the trust policy of a role")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::json;

    fn read(text: &str) -> Result<Policy, SpannedError> {
        Policy::read(&json::read(text, 0).unwrap())
    }

    #[test]
    fn every_form_is_read() {
        let policy = read(
            r#"{"Version": "2012-10-17", "Id": "x", "Statement": {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": ["1", "2"],
            "Service": "ec2"}, "NotAction": "a:*", "Condition": {"Bool": {"aws:SecureTransport": true}}, "Odd": {}}}"#,
        )
        .unwrap();
        assert!(policy.has_variables && !policy.is_list);
        let [statement] = &policy.statements[..] else { panic!() };
        assert_eq!(statement.title(), "statement 1 (Sid a)");
        assert!(statement.unknown[0].text == "Odd" && statement.action.not && statement.only_aws().is_none());
        assert_eq!(statement.aws_principals().map(|text| text.text.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(statement.conditions[0].values[0].text, "true");
    }

    #[test]
    fn invalid_documents_are_refused_with_the_place() {
        let in_statement = |text: &str| format!(r#"{{"Statement": [{{"Effect": "Allow", "Action": "a", {text}}}]}}"#);
        for (text, message, place) in [
            ("[]".to_owned(), "this is a list", "[]"),
            ("{}".to_owned(), "has no Statement", "{}"),
            (r#"{"Version": "2012", "Statement": []}"#.to_owned(), "policy version", "\"2012\""),
            (r#"{"Statement": [1]}"#.to_owned(), "a statement is an object", "1"),
            (r#"{"Statement": [{"Effect": "allow"}]}"#.to_owned(), "neither Allow nor Deny", "\"allow\""),
            (r#"{"Statement": [{"Effect": "Deny"}]}"#.to_owned(), "missing Action", "{\"Effect\": \"Deny\"}"),
            (in_statement(r#""Sid": 1"#), "not a string", "1"),
            (in_statement(r#""Effect": "Deny""#), "duplicate key", "\"Effect\""),
            (in_statement(r#""NotAction": "b""#), "can't have both", "\"b\""),
            (in_statement(r#""Principal": "arn""#), "has no type", "\"arn\""),
            (in_statement(r#""Principal": "*""#), "has no type", "\"*\""),
            (in_statement(r#""NotPrincipal": {"AWS": "1"}"#), "NotPrincipal in statement 1", "{\"AWS\": \"1\"}"),
            (in_statement(r#""Principal": [{"AWS": "1"}]"#), "this is a list", "[{\"AWS\": \"1\"}]"),
            (in_statement(r#""Principal": {"AWS": ["1", 2]}"#), "list of strings", "2"),
            (in_statement(r#""Resource": null"#), "list of strings", "null"),
            (in_statement(r#""Condition": {"Bool": {"k": null}}"#), "value of a condition", "null"),
            (in_statement(r#""Condition": {"Bool": "k"}"#), "operator of a Condition", "\"k\""),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {}", error.message);
            assert_eq!(&text[error.span.range()], place, "{text}");
        }
        let twice = r#"{"Statement": [{"Sid": "a", "Effect": "Allow", "Action": "x"}, {"Sid": "a", "Effect": "Deny", "Action": "x"}]}"#;
        assert!(read(twice).unwrap_err().message.contains("Sid a"));
        let empty = read(&twice.replace(r#""Sid": "a""#, r#""Sid": """#)).unwrap();
        assert_eq!(empty.statements.iter().map(Statement::title).collect::<Vec<_>>(), ["statement 1", "statement 2"]);
    }
}
