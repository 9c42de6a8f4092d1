//! RFC 6902 operations on a tree, turned into splices of its text.
//!
//! New text is inserted directly after the line of the owner's key, or after the last `<<` (a later merge key would win
//! over it for many readers), never before a comment that belongs to the first key and never after a block scalar. An
//! entry is removed with the lines that `add` would have written for it, and never with a comment. The proof catches
//! what is wrong here, so this code need not handle every case, but it must give a reason for each refusal.

mod add;
mod editor;
mod operations;
mod remove;
mod replace;

pub(crate) use operations::splices;
pub(crate) use remove::keep_end;

#[cfg(test)]
pub(super) mod tests {
    use json_patch::Patch;
    use json_patch::jsonptr::PointerBuf;
    use serde_json::Value;

    use crate::apply::apply;
    use crate::plan::{ObjectRef, Plan};
    use crate::source::Source;

    /// A text after operations on its first document, or the refusal and the text that it is about.
    pub(crate) fn edit(text: &str, operations: &Value) -> Result<String, String> {
        let source = Source::new(text.as_bytes());
        let document = source.segments().next().unwrap().span;
        let Patch(operations) = serde_json::from_value(operations.clone()).unwrap();
        let object = ObjectRef { document, base: PointerBuf::new() };
        let plan = Plan { changes: vec![(object, operations.into())], ..Plan::default() };
        let edited = apply(&source, &plan)
            .map_err(|refusal| format!("{} at '{}'", refusal.reason, &text[refusal.span.range()]))?;
        Ok(String::from_utf8(edited.to_bytes(text.as_bytes()).unwrap()).unwrap())
    }

    /// A text after a removal of each of these pointers, in this order.
    pub(crate) fn without(text: &str, deleted: &[&str]) -> Result<String, String> {
        let remove = |path: &&str| serde_json::json!({"op": "remove", "path": path});
        edit(text, &deleted.iter().map(remove).collect())
    }
}
