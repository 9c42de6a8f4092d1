//! A text as a reader of libyaml's lineage sees it: for texts that the first reader can't read, and for those that
//! the two lineages read differently.

use std::fmt;

use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

/// A value, as far as it can name an object. Nothing is lost: duplicate keys and `<<` are members like any other.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A mapping, its members in order.
    Mapping(Vec<(Seen, Seen)>),
    /// A sequence.
    Sequence(Vec<Seen>),
    /// A string.
    Text(String),
    /// A number, a boolean or null.
    Other,
}

/// The first document of a text; `None` if this reader can't read it, although another reader may. The rest of the text
/// is ignored.
pub fn first_document(text: &str) -> Option<Seen> {
    let Some(document) = serde_yaml::Deserializer::from_str(text).next() else { return Some(Seen::Other) };
    Seen::deserialize(document).ok()
}

struct SeenVisitor;

impl<'de> Visitor<'de> for SeenVisitor {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen::Other)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }
    fn visit_i128<E>(self, _: i128) -> Result<Seen, E> {
        Ok(Seen::Other)
    }
    fn visit_u128<E>(self, _: u128) -> Result<Seen, E> {
        Ok(Seen::Other)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }
    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }
    fn visit_none<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }
    fn visit_str<E>(self, v: &str) -> Result<Seen, E> {
        Ok(Seen::Text(v.to_owned()))
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Seen, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Seen::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Seen, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Seen::Mapping(members))
    }

    /// A custom tag, which most readers ignore.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Seen, A::Error> {
        let (_, content) = access.variant::<Seen>()?;
        content.newtype_variant()
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeenVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_after_the_first_document_does_not_matter() {
        let text = |text: &str| Seen::Text(text.to_owned());
        let pair = Seen::Mapping(vec![(text("a"), text("b"))]);
        for behind in ["", "...\n[\n", "---\n{\n", "...\n%x\n"] {
            assert_eq!(first_document(&format!("a: b\n{behind}")), Some(pair.clone()), "{behind}");
        }
        assert_eq!(first_document("a: [\n"), None);
        assert_eq!(first_document(""), Some(Seen::Other));
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(first_document(&deep), None);
    }

    #[test]
    fn nothing_that_could_name_an_object_is_lost() {
        let text = |text: &str| Seen::Text(text.to_owned());
        let seen = first_document("a: b\na: !x c\n<<: {d: 1}\n").unwrap();
        let merged = Seen::Mapping(vec![(text("d"), Seen::Other)]);
        assert_eq!(seen, Seen::Mapping(vec![(text("a"), text("b")), (text("a"), text("c")), (text("<<"), merged)]));
    }
}
