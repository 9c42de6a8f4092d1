//! What the patches of a ClusterClass make of the identity reference of a template.
//!
//! Published classes write only the name from a variable, and keep the kind in the template (rancher/turtles at b2e1223,
//! `examples/clusterclasses/aws/{eks,kubeadm,rke2}/`).

use super::cluster_class::{
    ClassPart, ClassPatch, ClassTemplate, ClusterClass, ReferenceWrite, WrittenPart, WrittenValue,
};
use super::field::{ClassDecision, DecidedBy, DecidingVariable, Field, IdentityKindSource, State, Undecided};
use super::go_template::{Rendered, TemplateText};
use super::tables::CONTROLLER_IDENTITY;
use super::value::Value;
use crate::diag::{Span, escape_control};

/// Where a part of a reference comes from after all patches.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PartSource {
    /// The template's own field.
    Template,
    /// Nothing: it is removed.
    Removed,
    /// This text.
    Constant(String),
    /// A variable of the Cluster: the dotted path.
    Variable(String),
}

/// What the patches of a class write to the reference of one of its templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassEffect {
    kind: PartSource,
    name: PartSource,
    unknown: Option<Unfollowed>,
    /// Whether the last write is of the kind or the name alone.
    part_only: bool,
    /// The name of the patch that decides.
    pub patch: String,
    /// The place in the class.
    pub span: Span,
    /// Line of that place, from 1; zero if it is not known.
    pub line: usize,
}

/// What the patches of a class write to the reference of a template; `None` if they don't change it.
///
/// A selector with another version than the reference to the template can't be followed: Cluster API compares the version
/// (kubernetes-sigs/cluster-api v1.11.0, `matchesSelector` in
/// `internal/controllers/topology/cluster/patches/inline/json_patch_generator.go`), and may bump that of the reference before.
pub fn class_effect(class: &ClusterClass, template: &ClassTemplate) -> Option<ClassEffect> {
    let mut effect: Option<ClassEffect> = None;
    for patch in &class.patches {
        for write in patch.writes.iter().filter(|write| selects(write, template)) {
            let before = effect.take().unwrap_or_else(|| ClassEffect {
                kind: PartSource::Template,
                name: PartSource::Template,
                unknown: None,
                part_only: false,
                patch: String::new(),
                span: write.span,
                line: write.line,
            });
            let mut after = before.after(patch, write);
            let version = template.reference.version.as_deref();
            if version.is_some_and(|version| version != write.version) {
                let why = || ("its selector has another version than the template".to_owned(), SAME_VERSION);
                after.unknown.get_or_insert_with(why);
            }
            effect = Some(after);
        }
    }
    let extension = class.patches.iter().find(|patch| patch.external);
    if let (Some(effect), Some(extension)) = (&mut effect, extension) {
        let name = escape_control(&extension.name);
        let why = || (format!("patch '{name}' is made by a Runtime Extension and may change it"), NAME_A_VARIABLE);
        effect.unknown.get_or_insert_with(why);
    }
    effect
}

fn selects(write: &ReferenceWrite, template: &ClassTemplate) -> bool {
    let part = match template.part {
        ClassPart::Infrastructure => write.infrastructure,
        ClassPart::ControlPlane => write.control_plane,
    };
    let group = template.reference.group.as_deref();
    part && write.kind == template.reference.kind && group.is_none_or(|group| group == write.group)
}

impl ClassEffect {
    /// The same after another write.
    fn after(self, patch: &ClassPatch, write: &ReferenceWrite) -> Self {
        let whole = matches!(write.part, WrittenPart::Around(_));
        let mut after =
            Self { patch: patch.name.clone(), span: write.span, line: write.line, part_only: !whole, ..self };
        if patch.conditional {
            after.unknown = Some(("its enabledIf decides whether it applies".to_owned(), NAME_A_VARIABLE));
            return after;
        }
        match after.apply(write) {
            // Whatever was written before is replaced.
            Ok(()) if whole => after.unknown = None,
            Ok(()) => {}
            Err(why) => after.unknown = Some((why.to_owned(), NAME_A_VARIABLE)),
        }
        after
    }

    /// Applies one write. The error is why it can't be followed.
    fn apply(&mut self, write: &ReferenceWrite) -> Result<(), &'static str> {
        let part = match &write.part {
            WrittenPart::Around(rest) => {
                (self.kind, self.name) = whole(&write.value, rest)?;
                return Ok(());
            }
            WrittenPart::Kind => &mut self.kind,
            WrittenPart::Name => &mut self.name,
        };
        *part = match &write.value {
            WrittenValue::Removed => PartSource::Removed,
            WrittenValue::Constant(value) => PartSource::Constant(value.text().ok_or(NOT_TEXT)?.to_owned()),
            WrittenValue::Variable(path) => PartSource::Variable(path.clone()),
            WrittenValue::Template(Some(Rendered::Text(text))) => of_text(text),
            WrittenValue::Template(_) => return Err(TEMPLATE),
            WrittenValue::Invalid => return Err(NO_VALUE),
        };
        Ok(())
    }
}

/// What to do about a selector of another version.
const SAME_VERSION: &str = "write the version of the reference to the template in the selector";

/// Why a decision can't be followed, and what to do about it.
type Unfollowed = (String, &'static str);

/// Not if the patch writes only a part: see [`ONLY_CHANGE`].
const NAME_A_VARIABLE: &str = "change the patch so that it reads a variable, without a condition; or name the variable that is the reference: \
     --topology-variable NAME";
/// `--topology-variable` writes a whole reference, which a patch of a part can't read.
const ONLY_CHANGE: &str = "change the patch so that it reads a variable, without a condition";
const CHANGE_THE_PATCH: &str = "change the patch so that it reads a variable of the Cluster";
const CORRECT_THE_TEMPLATE: &str = "correct the template";
const PASS_THE_TEMPLATE: &str = "also pass the file of the template";
const TEMPLATE: &str = "its Go template is more than one variable, as in {{ .name }}";
const NO_VALUE: &str = "it has no single value";
const NOT_TEXT: &str = "its value is not a string";

/// The kind and the name in a value that is written as a whole; the reference is at `rest` in it.
fn whole(value: &WrittenValue, rest: &[&str]) -> Result<(PartSource, PartSource), &'static str> {
    let removed = (PartSource::Removed, PartSource::Removed);
    match value {
        WrittenValue::Removed => Ok(removed),
        WrittenValue::Constant(value) => {
            let Some(reference) = value.at(rest) else { return Ok(removed) };
            if !matches!(reference, Value::Mapping(..)) {
                return Err("its value is not a mapping");
            }
            let part = |key: &str| match reference.field(key) {
                Field::Absent | Field::Null => Ok(PartSource::Removed),
                Field::Text(text, _) => Ok(PartSource::Constant(text)),
                _ => Err(NOT_TEXT),
            };
            Ok((part("kind")?, part("name")?))
        }
        WrittenValue::Variable(path) => {
            let part = |key: &str| {
                let keys = std::iter::once(path.as_str()).chain(rest.iter().copied()).chain([key]);
                PartSource::Variable(keys.collect::<Vec<_>>().join("."))
            };
            Ok((part("kind"), part("name")))
        }
        WrittenValue::Template(Some(Rendered::Mapping(kind, name))) if rest.is_empty() => {
            let part = |text: &Option<TemplateText>| text.as_ref().map_or(PartSource::Removed, of_text);
            Ok((part(kind), part(name)))
        }
        WrittenValue::Template(_) => Err(TEMPLATE),
        WrittenValue::Invalid => Err(NO_VALUE),
    }
}

fn of_text(text: &TemplateText) -> PartSource {
    match text {
        TemplateText::Constant(text) => PartSource::Constant(text.clone()),
        TemplateText::Variable(path) => PartSource::Variable(path.clone()),
    }
}

/// A template of a class in the inventory.
#[derive(Clone, Copy, Debug)]
pub struct KnownTemplate<'t> {
    /// Its own reference.
    pub state: &'t State,
    /// Its kind, name and place, for messages.
    pub shown: &'t str,
}

impl ClassEffect {
    /// The decision about a reference. `template` is the template, if it is known.
    pub fn decision(&self, title: String, place: String, template: Option<KnownTemplate<'_>>) -> ClassDecision {
        let decided = match &self.unknown {
            Some(unknown) => Err(unknown.clone()),
            None => self.decided(template),
        };
        let part_only = self.part_only;
        let unknown = |(why, help)| {
            let help = if part_only && help == NAME_A_VARIABLE { ONLY_CHANGE } else { help };
            DecidedBy::Unknown(Undecided { why, help, part_only })
        };
        ClassDecision { title, place, by: decided.unwrap_or_else(unknown) }
    }

    fn decided(&self, template: Option<KnownTemplate<'_>>) -> Result<DecidedBy, Unfollowed> {
        let kind = resolved(&self.kind, "kind", CONTROLLER_IDENTITY, template)?;
        let name = resolved(&self.name, "name", "default", template)?;
        let text = |source: PartSource| match source {
            PartSource::Constant(text) => Some(text),
            _ => None,
        };
        match (kind, name) {
            (PartSource::Variable(kind), PartSource::Variable(name)) => {
                let parent = kind.strip_suffix(".kind").filter(|parent| name.strip_suffix(".name") == Some(parent));
                let parent = parent
                    .ok_or_else(|| (format!("its kind is the variable {kind}, its name {name}"), CHANGE_THE_PATCH))?;
                variable(parent, None)
            }
            (PartSource::Constant(kind), PartSource::Variable(name)) => {
                let own = self.kind == PartSource::Template;
                let template = template.filter(|_| own).map(|template| template.shown.to_owned());
                variable(&name, Some(IdentityKindSource { kind, template }))
            }
            (PartSource::Variable(kind), _) => Err((format!("only its kind is a variable, {kind}"), CHANGE_THE_PATCH)),
            (_, PartSource::Variable(name)) => {
                Err((format!("its name is the variable {name}, but it has no kind"), CHANGE_THE_PATCH))
            }
            (kind, name) => Ok(DecidedBy::Constant(text(kind), text(name))),
        }
    }
}

/// A part, with the template's own field if no patch writes it. CAPA's webhook sets the reference of a template without
/// one to `default`.
fn resolved(
    source: &PartSource,
    key: &str,
    default: &str,
    template: Option<KnownTemplate<'_>>,
) -> Result<PartSource, Unfollowed> {
    if *source != PartSource::Template {
        return Ok(source.clone());
    }
    let Some(template) = template else {
        let why = format!("its {key} is in the class's template, which is not in these files");
        return Err((why, PASS_THE_TEMPLATE));
    };
    let field = match template.state {
        State::Unset => return Ok(PartSource::Constant(default.to_owned())),
        State::Set(reference) if key == "kind" => &reference.kind,
        State::Set(reference) => &reference.name,
        State::Wrong(_) | State::Variable(_) | State::Twice(_) => {
            let why = format!("the identityRef of {} can't be read", template.shown);
            return Err((why, CORRECT_THE_TEMPLATE));
        }
    };
    match field {
        Field::Text(text, _) => Ok(PartSource::Constant(text.clone())),
        Field::Absent | Field::Null => Ok(PartSource::Removed),
        _ => Err((format!("the {key} in the identityRef of {} can't be read", template.shown), CORRECT_THE_TEMPLATE)),
    }
}

/// A variable as a dotted path (kubernetes-sigs/cluster-api v1.11.0,
/// `internal/controllers/topology/cluster/patches/variables/value.go`, `GetVariableValue`).
fn variable(dotted: &str, kind: Option<IdentityKindSource>) -> Result<DecidedBy, Unfollowed> {
    let path: Vec<String> = dotted.split('.').map(str::to_owned).collect();
    if path[0] == "builtin" {
        return Err((format!("it reads {dotted}, which no Cluster can set"), CHANGE_THE_PATCH));
    }
    if dotted.contains(['[', ']']) || path.iter().any(String::is_empty) {
        return Err((format!("it reads an item of a list, {dotted}"), CHANGE_THE_PATCH));
    }
    let (is_set, required, has_default, only) = Default::default();
    Ok(DecidedBy::Variable(DecidingVariable { path, kind, is_set, required, has_default, only }))
}
