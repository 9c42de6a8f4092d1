//! Finds the policy document in the input: bare, percent-encoded, or inside the output of `aws iam get-role`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::aws::Partition;
use crate::aws::policy::Policy;
use crate::capa::may_hold_bodies;
use crate::diag::{Span, SpannedError};
use crate::manifest_checks::{NO_ROLE_ACROSS_PARTITIONS, PartitionMismatch};
use lossless_yaml::{NodeId, Tree, json};

/// How the input contains the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentForm {
    /// The input is the document.
    Bare,
    /// Inside output of the AWS CLI.
    Wrapped,
    /// Percent-encoded, as the IAM API sends it.
    Encoded,
}

/// The places of a document in the output of the AWS CLI: `get-role`, also with `--query Role`; `get-role-policy` (and
/// `get-user-policy`, `get-group-policy`); `get-policy-version`, also with `--query PolicyVersion`.
const PLACES: [&[&str]; 5] = [
    &["Role", "AssumeRolePolicyDocument"],
    &["AssumeRolePolicyDocument"],
    &["PolicyDocument"],
    &["PolicyVersion", "Document"],
    &["Document"],
];

/// A policy document that was found in the input.
#[derive(Clone, Debug)]
pub struct PolicyInput {
    /// The text that the spans of errors refer to: the input, decoded if it was encoded.
    text: String,
    /// The document's span in `text`.
    span: Span,
    form: DocumentForm,
    /// The keys from the root of the text to the document, if it is wrapped.
    place: &'static [&'static str],
    names: DocumentNames,
}

/// Names that the AWS CLI's output contains next to the document.
#[derive(Clone, Debug, Default)]
struct DocumentNames {
    /// `Role.Arn` of `get-role`.
    role_arn: Option<String>,
    /// `RoleName` and `PolicyName` of `get-role-policy`.
    role_name: Option<String>,
    policy_name: Option<String>,
    /// Whose policy it is, if not a role's: `UserName` of `get-user-policy`, `GroupName` of `get-group-policy`, or nobody's
    /// where `get-policy-version` has the document.
    owner: Option<PolicyOwner>,
}

/// Whose policy a document is, if the AWS CLI's output shows that it is not a role's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyOwner {
    /// An inline policy of this user: `get-user-policy`.
    User(String),
    /// An inline policy of this group: `get-group-policy`.
    Group(String),
    /// A managed policy: `get-policy-version`.
    Managed,
}

impl PolicyInput {
    /// Finds the document in the input.
    ///
    /// # Errors
    /// The text is not UTF-8 or not strict JSON (RFC 8259). The returned bytes are those that the error's span refers
    /// to: the input, decoded if it was encoded.
    pub fn read(bytes: &[u8]) -> Result<Self, (SpannedError, Vec<u8>)> {
        let refuse = |refusal: SpannedError| (refusal, bytes.to_vec());
        let text = utf8(bytes).map_err(refuse)?;
        let bom = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let trimmed = text[bom..].trim();
        if let Some(decoded) = decoded(trimmed) {
            return Self::found(decoded, 0, DocumentForm::Encoded, DocumentNames::default());
        }
        let tree = json::read(&text[bom..], bom).map_err(|error| {
            let at = (bom + error.at).min(text.len());
            let mut refusal = SpannedError::new(format!("not JSON: {error}"), Span::new(at, next(text, at)));
            if trimmed.is_empty() {
                refusal = SpannedError::new("the input is empty", Span::new(0, text.len()));
            } else if reads_as_manifest(text) {
                let start = Span::new(bom, next(text, bom));
                return refuse(SpannedError::new("this is a Kubernetes manifest, not a policy document", start));
            }
            refuse(refusal.help("a policy document is JSON; with the AWS CLI, pass --output json"))
        })?;
        if let Some(string) = tree.text(tree.root).filter(|_| trimmed.starts_with('"')) {
            // `--query … --output json` of a document that the API sent as text.
            let inner = decoded(string).unwrap_or_else(|| string.to_owned());
            return Self::found(inner, 0, DocumentForm::Encoded, DocumentNames::default());
        }
        let text_at = |path: &[&str]| {
            let node = path.iter().try_fold(tree.root, |at, key| tree.value(at, key));
            node.and_then(|node| tree.text(node)).map(str::to_owned)
        };
        if let Some(policy) = tree.value(tree.root, "Policy").filter(|&node| tree.value(node, "PolicyId").is_some()) {
            return Err(refuse(without_document(&tree, policy)));
        }
        let Some((place, inner)) = wrapped(&tree) else {
            return Self::found(text.to_owned(), bom, DocumentForm::Bare, DocumentNames::default());
        };
        let of_user = || text_at(&["UserName"]).map(PolicyOwner::User);
        let of_group = || text_at(&["GroupName"]).map(PolicyOwner::Group);
        let of_nobody = || (place.last() == Some(&"Document")).then_some(PolicyOwner::Managed);
        let names = DocumentNames {
            role_arn: text_at(&["Role", "Arn"]).or_else(|| text_at(&["Arn"])),
            role_name: text_at(&["RoleName"]),
            policy_name: text_at(&["PolicyName"]),
            owner: of_user().or_else(of_group).or_else(of_nobody),
        };
        if let Some(string) = tree.text(inner) {
            let inner = decoded(string).unwrap_or_else(|| string.to_owned());
            return Self::found(inner, 0, DocumentForm::Encoded, names);
        }
        let span = tree.span(inner);
        Ok(Self { text: text.to_owned(), span, form: DocumentForm::Wrapped, place, names })
    }

    /// A document that spans the text from `from` to its end.
    fn found(
        text: String,
        from: usize,
        form: DocumentForm,
        names: DocumentNames,
    ) -> Result<Self, (SpannedError, Vec<u8>)> {
        let span = Span::new(from, text.len());
        if let Err(error) = json::read(&text[from..], from) {
            let at = (from + error.at).min(text.len());
            let refusal = SpannedError::new(format!("not JSON: {error}"), Span::new(at, next(&text, at)));
            return Err((refusal, text.into_bytes()));
        }
        Ok(Self { text, span, form, place: &[], names })
    }

    /// The document's text; if it is bare, including the white space around it.
    pub fn document(&self) -> &str {
        &self.text[self.span.range()]
    }

    /// The text that contains the document, at [`PolicyInput::offset`].
    pub fn whole(&self) -> &str {
        &self.text
    }

    /// Bytes before the document.
    pub fn offset(&self) -> usize {
        self.span.start
    }

    /// How the input contains the document.
    pub fn form(&self) -> DocumentForm {
        self.form
    }

    /// The keys from the root of the text to the document; empty if it is not wrapped.
    pub fn place(&self) -> &'static [&'static str] {
        self.place
    }

    /// The ARN of the role that the policy belongs to, if the AWS CLI's output contains it.
    pub fn role_arn(&self) -> Option<&str> {
        self.names.role_arn.as_deref()
    }

    /// The name of the role that the policy belongs to, if the AWS CLI's output contains it.
    pub fn role_name(&self) -> Option<&str> {
        self.names.role_name.as_deref()
    }

    /// Whose policy it is; `None` for a role's, and if that is unknown.
    pub fn owner(&self) -> Option<&PolicyOwner> {
        self.names.owner.as_ref()
    }

    /// The name of the policy, if the AWS CLI's output contains it.
    pub fn policy_name(&self) -> Option<&str> {
        self.names.policy_name.as_deref()
    }
}

/// The error about output of `get-policy`, which describes a managed policy without its document.
fn without_document(tree: &Tree<'_>, policy: NodeId) -> SpannedError {
    let text = |key: &str| tree.value(policy, key).and_then(|node| tree.text(node));
    // Only texts that a shell reads as they are.
    let is_plain = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-:/".contains(c));
    let [arn, version] =
        [("Arn", "ARN"), ("DefaultVersionId", "ID")].map(|(key, other)| text(key).filter(is_plain).unwrap_or(other));
    SpannedError::new("this is output of get-policy, which does not contain the policy document", tree.span(policy))
        .help(format!("get the document: aws iam get-policy-version --policy-arn {arn} --version-id {version}"))
}

/// Refuses a character that IAM refuses. Source: IAM API reference, `PutRolePolicy`, `PolicyDocument`: tab, line breaks
/// and U+0020 to U+00FF.
fn only_latin_1(text: &str) -> Result<(), SpannedError> {
    let Some((at, c)) = text.char_indices().find(|&(_, c)| c > '\u{ff}') else { return Ok(()) };
    let message = format!("AWS refuses the character U+{:04X} in a policy document", u32::from(c));
    Err(SpannedError::new(message, Span::new(at, at + c.len_utf8()))
        .help("a policy document has only characters up to U+00FF (IAM API reference, PutRolePolicy): replace it"))
}

/// Reads a bare document's text.
///
/// # Errors
/// The text is not strict JSON, or not a policy document, or has a character that IAM refuses.
pub(super) fn policy(document: &[u8]) -> Result<Policy, SpannedError> {
    let text = utf8(document)?;
    only_latin_1(text)?;
    let tree = json::read(text, 0)
        .map_err(|error| SpannedError::new(format!("not JSON: {error}"), Span::new(error.at, next(text, error.at))))?;
    Policy::read(&tree)
}

/// The partition of the ARNs in a bare document; `None` if it has no ARNs.
///
/// # Errors
/// The text is not a policy document, or has ARNs of two partitions: a role can't be assumed across partitions.
pub fn partitions(document: &[u8]) -> Result<Option<Partition>, SpannedError> {
    let policy = policy(document)?;
    let mut found: Option<Partition> = None;
    for statement in &policy.statements {
        let resources = statement.resource.iter().flat_map(|resource| &resource.patterns.texts);
        for text in statement.aws_principals().chain(resources) {
            let partition = text.text.strip_prefix("arn:").and_then(|rest| rest.split(':').next()?.parse().ok());
            match (found, partition) {
                (Some(existing), Some(here)) if existing != here => {
                    let mismatch = PartitionMismatch {
                        subject: "this ARN",
                        region: None,
                        partition: here,
                        role: "another ARN",
                        role_partition: existing,
                    };
                    return Err(SpannedError::new(mismatch.to_string(), text.span).help(NO_ROLE_ACROSS_PARTITIONS));
                }
                (None, Some(_)) => found = partition,
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Whether a message may show text of a file that should be a policy document: it is one, or it is broken JSON that
/// contains `Statement`. Anything else, for example a Secret's manifest, is not shown.
pub fn may_show(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let Ok(tree) = json::read(text, 0) else {
        let manifest = ["apiVersion", "stringData"].iter().any(|word| text.contains(word));
        return text.contains("Statement") && !manifest && !may_hold_bodies(text.as_bytes());
    };
    let document = wrapped(&tree).map_or(tree.root, |(_, inner)| inner);
    let members = tree.entries(document).unwrap_or_default();
    let is_known = |key: NodeId| tree.text(key).is_some_and(|key| ["Version", "Id", "Statement"].contains(&key));
    let is_object = |node: NodeId| tree.entries(node).is_some();
    members.iter().all(|&(key, _)| is_known(key))
        && tree.value(document, "Statement").is_some_and(|statement| match tree.items(statement) {
            Some(items) => items.iter().all(|&item| is_object(item)),
            None => is_object(statement),
        })
}

/// Whether text that is not JSON has the lines that a manifest begins with.
fn reads_as_manifest(text: &str) -> bool {
    let has = |key: &str| text.lines().any(|line| line.trim_start_matches(['-', ' ']).starts_with(key));
    has("apiVersion:") && has("kind:")
}

fn utf8(bytes: &[u8]) -> Result<&str, SpannedError> {
    let zeros = bytes.iter().take(64).filter(|&&byte| byte == 0).count();
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") || zeros > 0 {
        return Err(SpannedError::new(
            "this is UTF-16, as PowerShell's '>' writes it; a policy document is UTF-8",
            Span::default(),
        )
        .help("convert it: Get-Content FILE | Set-Content -Encoding utf8 NEW-FILE")
        .help("or pipe the AWS CLI's output in directly, without a file"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        SpannedError::new("the text is not UTF-8", Span::new(at, at + 1)).help("save the file as UTF-8 and run again")
    })
}

/// Offset after the character at `at`.
fn next(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8())
}

/// The place of the document in output of the AWS CLI, and its node.
fn wrapped(tree: &Tree<'_>) -> Option<(&'static [&'static str], NodeId)> {
    if tree.value(tree.root, "Statement").is_some() {
        return None;
    }
    PLACES.iter().find_map(|place| Some((*place, place.iter().try_fold(tree.root, |at, key| tree.value(at, key))?)))
}

/// The percent-decoded text (RFC 3986, 2.1); `None` if it is not an encoded object. A text with an invalid escape is
/// not decoded: the decoder would keep the escape, and it would end up as a wrong value in the policy.
fn decoded(text: &str) -> Option<String> {
    if !text.get(..3)?.eq_ignore_ascii_case("%7b") {
        return None;
    }
    let is_escape =
        |rest: &str| matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = r#"{"Statement": []}"#;

    #[test]
    fn the_document_is_found_in_what_the_cli_prints() {
        let encoded = BARE.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        for (text, form, document) in [
            (BARE.to_owned(), DocumentForm::Bare, BARE),
            (format!(" {BARE}\n"), DocumentForm::Bare, " {\"Statement\": []}\n"),
            (format!("\u{feff}{BARE}"), DocumentForm::Bare, BARE),
            (format!("{{\"Role\": {{\"AssumeRolePolicyDocument\": {BARE}}}}}"), DocumentForm::Wrapped, BARE),
            (format!("{{\"AssumeRolePolicyDocument\": {BARE}}}"), DocumentForm::Wrapped, BARE),
            (format!("{{\"RoleName\": \"r\", \"PolicyDocument\": {BARE}}}"), DocumentForm::Wrapped, BARE),
            (format!("{{\"PolicyVersion\": {{\"Document\": {BARE}}}}}"), DocumentForm::Wrapped, BARE),
            (encoded.clone(), DocumentForm::Encoded, BARE),
            (format!("\"{encoded}\"\n"), DocumentForm::Encoded, BARE),
            (format!("{{\"PolicyDocument\": \"{encoded}\"}}"), DocumentForm::Encoded, BARE),
            ("\"{\\\"Statement\\\": []}\"".to_owned(), DocumentForm::Encoded, BARE),
        ] {
            let given = PolicyInput::read(text.as_bytes()).unwrap_or_else(|(error, _)| panic!("{text}: {error}"));
            assert_eq!((given.form(), given.document()), (form, document), "{text}");
        }
    }

    #[test]
    fn the_owner_is_known_from_what_surrounds_the_document() {
        let user = Some(PolicyOwner::User("bob".to_owned()));
        let group = Some(PolicyOwner::Group("ops".to_owned()));
        for (text, owner) in [
            (BARE.to_owned(), None),
            (format!("{{\"PolicyDocument\": {BARE}}}"), None),
            (format!("{{\"RoleName\": \"r\", \"PolicyDocument\": {BARE}}}"), None),
            (format!("{{\"Role\": {{\"AssumeRolePolicyDocument\": {BARE}}}}}"), None),
            (format!("{{\"UserName\": \"bob\", \"PolicyDocument\": {BARE}}}"), user.clone()),
            ("{\"UserName\": \"bob\", \"PolicyDocument\": \"%7B%22Statement%22: []%7D\"}".to_owned(), user),
            (format!("{{\"GroupName\": \"ops\", \"PolicyDocument\": {BARE}}}"), group),
            (format!("{{\"PolicyVersion\": {{\"Document\": {BARE}}}}}"), Some(PolicyOwner::Managed)),
            (format!("{{\"Document\": {BARE}}}"), Some(PolicyOwner::Managed)),
        ] {
            assert_eq!(PolicyInput::read(text.as_bytes()).unwrap().owner(), owner.as_ref(), "{text}");
        }
        let (error, _) = PolicyInput::read(
            br#"{"Policy": {"PolicyId": "ANPA", "Arn": "arn:aws:iam::111111111111:policy/p", "DefaultVersionId": "v3"}}"#,
        )
        .unwrap_err();
        assert!(error.help[0].ends_with("--policy-arn arn:aws:iam::111111111111:policy/p --version-id v3"), "{error}");
    }

    #[test]
    fn only_latin_1_is_accepted() {
        assert!(policy("{\"Id\": \"\u{ff}\", \"Statement\": []}".as_bytes()).is_ok());
        assert!(policy(br#"{"Id": "\u0100", "Statement": []}"#).is_ok());
        let error = policy("{\"Id\": \"\u{100}\", \"Statement\": []}".as_bytes()).unwrap_err();
        assert!(error.message.contains("U+0100") && error.span == Span::new(8, 10), "{error}");
    }

    #[test]
    fn anything_else_is_refused() {
        for (bytes, message) in [
            (&b"\xFF\xFE{\0}\0"[..], "UTF-16"),
            (b"{\0}\0", "UTF-16"),
            (b"{\"a\": \"\xE9\"}", "not UTF-8"),
            (b"", "the input is empty"),
            (b"{'Statement': []}", "not JSON"),
            (b"{\"Statement\": [],}", "not JSON"),
            (b"{\"Statement\": []} {}", "not JSON"),
            (b"{\"Statement\": [] // c\n}", "not JSON"),
            (b"Statement: []", "not JSON"),
            (b"\"text\"", "not JSON"),
            (b"%7B%22Statement%22: []", "not JSON"),
            (b"%7B%22Statement%22: %22%zz%22%7D", "not JSON"),
            (b"%7B%22Statement%22: %22%2%22%7D", "not JSON"),
            (b"%7B%22Statement%22: %22%+7%22%7D", "not JSON"),
            (b"%7B%22Statement%22: %22%FF%22%7D", "not JSON"),
            (b"%7B%22Statement%22: []%7D%", "not JSON"),
        ] {
            let (error, _) = PolicyInput::read(bytes).unwrap_err();
            assert!(error.message.contains(message), "{bytes:?}: {error}");
        }
    }

    #[test]
    fn only_a_policy_is_shown() {
        let secret = r#"{"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "x"}"#;
        for (text, shown) in [
            (r#"{"Statement": [{}]}"#.to_owned(), true),
            (r#"{"Version": "2012-10-17", "Id": "x", "Statement": {}}"#.to_owned(), true),
            (r#"{"Role": {"AssumeRolePolicyDocument": {"Statement": []}}}"#.to_owned(), true),
            (r#"{"Statement": [],}"#.to_owned(), true),
            (r#"{"Statement": ["x"]}"#.to_owned(), false),
            (r#"{"Statement": "x"}"#.to_owned(), false),
            (r#"{"Statement": [], "password": "x"}"#.to_owned(), false),
            (r#"{"password": "x"}"#.to_owned(), false),
            (r#"{"password": "x",}"#.to_owned(), false),
            (format!("{secret}}}"), false),
            (format!(r#"{secret}, "Statement": []}}"#), false),
            (format!(r#"{secret}, "Statement": [],}}"#), false),
            (format!(r#"{{"Statement": []}} {secret}}}"#), false),
            (String::new(), false),
        ] {
            assert_eq!(may_show(text.as_bytes()), shown, "{text}");
        }
    }
}
