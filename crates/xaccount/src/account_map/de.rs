//! Deserializes a document's tree. Each error and each [`Spanned`] value has its place.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::samples;
use crate::diag::Span;
use lossless_yaml::{NodeId, Tree};

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place in the file.
    pub span: Span,
}

/// A span of a text that is at `base` of all texts.
pub(super) fn moved(span: Span, base: usize) -> Span {
    Span::new(span.start + base, span.end + base)
}

/// What is wrong, where, and a suggestion.
#[derive(Clone, Debug)]
pub(super) struct FieldError {
    pub(super) message: String,
    pub(super) span: Option<Span>,
    pub(super) help: Option<String>,
}

impl FieldError {
    fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FieldError {}

impl de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), span: None, help: None }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let help = match nearest(field, expected.iter().copied()) {
            // The kind without fields is not a field.
            _ if field == "instanceProfile" => "write credentials: instanceProfile".to_owned(),
            Some(near) => format!("perhaps {near}"),
            None => format!("known fields: {}", expected.join(", ")),
        };
        Self { help: Some(help), ..Self::custom(format!("unknown field {}", crate::diag::escape_control(field))) }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let unexpected = match unexpected {
            de::Unexpected::Seq => "a list".to_owned(),
            de::Unexpected::Map => "a mapping".to_owned(),
            de::Unexpected::Unit => "nothing".to_owned(),
            de::Unexpected::Str(text) => format!("'{}'", crate::diag::escape_control(text)),
            other => other.to_string(),
        };
        Self::custom(format!("expected {expected}, found {unexpected}"))
    }

    fn missing_field(field: &'static str) -> Self {
        // What a kind or a name looks like depends on what it belongs to, whose line is shown instead.
        let line = samples::line(field).filter(|_| !matches!(field, "kind" | "name"));
        let help = line.map(|line| format!("add: {line}"));
        Self { help, ..Self::custom(format!("the field {field} is missing")) }
    }
}

/// The known word that is most similar to a misspelt one, if one is similar enough.
pub(super) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let likeness = |other: &str| strsim::jaro_winkler(&word.to_lowercase(), &other.to_lowercase());
    let best = known.map(|other| (likeness(other), other)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness > 0.8).map(|(_, other)| other)
}

/// The names with which a [`Spanned`] requests its place from the deserializer.
const SPANNED: &str = "$xaccount::Spanned";
const SPANNED_FIELDS: &[&str] = &["value", "start", "end"];

impl<'de, T: de::Deserialize<'de>> de::Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(std::marker::PhantomData<T>);
        impl<'de, T: de::Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Spanned<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut part = || -> Result<usize, A::Error> {
                    let _: Option<String> = map.next_key()?;
                    map.next_value()
                };
                let (start, end) = (part()?, part()?);
                let _: Option<String> = map.next_key()?;
                Ok(Spanned { value: map.next_value()?, span: Span::new(start, end) })
            }
        }
        deserializer.deserialize_struct(SPANNED, SPANNED_FIELDS, Parts(std::marker::PhantomData))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// A node of a tree as serde sees it.
#[derive(Clone, Copy)]
pub(super) struct Node<'t, 's> {
    pub(super) tree: &'t Tree<'s>,
    pub(super) id: NodeId,
    /// Where the text begins among all texts of the map: the offset of all spans.
    pub(super) base: usize,
}

impl Node<'_, '_> {
    fn span(&self) -> Span {
        self.span_of(self.id)
    }

    fn span_of(&self, id: NodeId) -> Span {
        moved(self.tree.span(id), self.base)
    }

    /// What the node is, for messages.
    fn is(&self) -> String {
        if self.tree.entries(self.id).is_some() {
            "a mapping".into()
        } else if self.tree.items(self.id).is_some() {
            "a list".into()
        } else if self.tree.is_null(self.id) {
            "nothing".into()
        } else {
            self.tree.text(self.id).map_or_else(String::new, |text| format!("'{}'", crate::diag::escape_control(text)))
        }
    }

    fn expected(&self, what: &str) -> FieldError {
        de::Error::custom(format!("expected {what}, found {}", self.is()))
    }
}

macro_rules! scalar {
    ($($method:ident $visit:ident $what:literal),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
            let parsed = self.tree.text(self.id).and_then(|text| text.parse().ok());
            let value = parsed.ok_or_else(|| self.expected($what).at(self.span()))?;
            visitor.$visit(value).map_err(|error: FieldError| error.at(self.span()))
        })*
    };
}

impl<'de> Deserializer<'de> for Node<'_, '_> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let span = self.span();
        let result = if let Some(entries) = self.tree.entries(self.id) {
            visitor.visit_map(Entries { node: self, entries: entries.iter(), value: None })
        } else if let Some(items) = self.tree.items(self.id) {
            visitor.visit_seq(NodeItems { node: self, items: items.iter() })
        } else if self.tree.is_null(self.id) {
            visitor.visit_unit()
        } else if self.tree.is_typed(self.id) {
            let text = self.tree.text(self.id).unwrap_or_default();
            let message = format!("{text} must be quoted: YAML reads it as a number or a boolean");
            Err(FieldError { help: Some(format!("write \"{text}\"")), ..de::Error::custom(message) })
        } else {
            visitor.visit_str(self.tree.text(self.id).unwrap_or_default())
        };
        result.map_err(|error| error.at(span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.tree.is_null(self.id) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        if name == SPANNED {
            return visitor.visit_map(Parts { node: self, next: 0 });
        }
        if self.tree.entries(self.id).is_none() {
            return Err(self.expected("a mapping").at(self.span()));
        }
        self.deserialize_any(visitor)
    }

    scalar!(
        deserialize_u8 visit_u8 "a number", deserialize_u16 visit_u16 "a number", deserialize_u32 visit_u32 "a number",
        deserialize_u64 visit_u64 "a number", deserialize_i8 visit_i8 "a number", deserialize_i16 visit_i16 "a number",
        deserialize_i32 visit_i32 "a number", deserialize_i64 visit_i64 "a number", deserialize_f32 visit_f32 "a number",
        deserialize_f64 visit_f64 "a number", deserialize_bool visit_bool "true or false"
    );

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Entries<'t, 's, I> {
    node: Node<'t, 's>,
    entries: I,
    /// The key and the value that are read next.
    value: Option<(NodeId, NodeId)>,
}

impl<'de, 'e, I: Iterator<Item = &'e (NodeId, NodeId)>> MapAccess<'de> for Entries<'_, '_, I> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let Some(&(key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, value));
        let span = self.node.span_of(key);
        let text = self.node.tree.text(key).unwrap_or_default();
        let key: StrDeserializer<'_, FieldError> = text.into_deserializer();
        seed.deserialize(key).map(Some).map_err(|error| error.at(span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let entry = self.value.take().ok_or_else(|| <FieldError as de::Error>::custom("a value before its key"))?;
        seed.deserialize(Node { id: entry.1, ..self.node }).map_err(|mut error: FieldError| {
            let line = self.node.tree.text(entry.0).and_then(samples::line);
            error.help = error.help.or_else(|| line.map(|line| format!("as in: {line}")));
            error
        })
    }
}

struct NodeItems<'t, 's, I> {
    node: Node<'t, 's>,
    items: I,
}

impl<'de, 'e, I: Iterator<Item = &'e NodeId>> SeqAccess<'de> for NodeItems<'_, '_, I> {
    type Error = FieldError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, FieldError> {
        self.items.next().map(|&id| seed.deserialize(Node { id, ..self.node })).transpose()
    }
}

/// The parts of a [`Spanned`]: its place, then itself.
struct Parts<'t, 's> {
    node: Node<'t, 's>,
    next: usize,
}

impl<'de> MapAccess<'de> for Parts<'_, '_> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let key: StrDeserializer<'_, FieldError> = "part".into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        self.next += 1;
        let span = self.node.span();
        match self.next {
            1 => seed.deserialize(span.start.into_deserializer()),
            2 => seed.deserialize(span.end.into_deserializer()),
            _ => seed.deserialize(self.node),
        }
    }
}
