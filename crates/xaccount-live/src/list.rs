//! Lists of objects, page by page.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::access::Connection;
use crate::error::LiveError;

/// Objects of one page. client-go has the same (`tools/pager/pager.go`, `defaultPageSize`).
const PAGE: usize = 500;

/// How often a list is read from the start, because the server no longer had the rest of it.
const MOST_STARTS: usize = 3;

#[derive(Deserialize)]
struct Page<'p> {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(borrow)]
    items: Option<Vec<&'p RawValue>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

/// The type of the objects of a list. Objects of types that are built into the API server lack it.
pub(crate) struct ItemType<'t> {
    pub(crate) api_version: &'t str,
    pub(crate) kind: &'t str,
}

impl Connection {
    /// The objects of a list, as the server wrote them, each with `apiVersion` and `kind`. `resourceVersion` is not set, so
    /// that the server does not answer from its cache.
    ///
    /// # Errors
    /// A page can't be read.
    pub(crate) async fn list(&self, path: &str, of: &ItemType<'_>) -> Result<Vec<Vec<u8>>, LiveError> {
        for _ in 0..MOST_STARTS {
            match self.pages(path, of).await {
                Err(LiveError::Refused { code: 410, .. }) => {}
                other => return other,
            }
        }
        Err(LiveError::Expired { server: self.server.clone(), path: path.to_owned(), attempts: MOST_STARTS })
    }

    async fn pages(&self, path: &str, of: &ItemType<'_>) -> Result<Vec<Vec<u8>>, LiveError> {
        let (mut objects, mut next) = (Vec::new(), String::new());
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let mut page = format!("{path}{separator}limit={PAGE}");
            if !next.is_empty() {
                page += &format!("&continue={}", utf8_percent_encode(&next, NON_ALPHANUMERIC));
            }
            let body = self.get(&page).await?;
            let parsed: Page<'_> = serde_json::from_slice(&body).map_err(|error| self.not_kubernetes(path, &error))?;
            objects.extend(parsed.items.unwrap_or_default().iter().map(|item| typed(item.get(), of)));
            next = parsed.metadata.next;
            if next.is_empty() {
                return Ok(objects);
            }
        }
    }
}

/// The object with its type, which custom resources have in a list and built-in ones have not.
pub(crate) fn typed(object: &str, of: &ItemType<'_>) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(default)]
        kind: String,
    }
    let has_kind = serde_json::from_str::<Typed>(object).is_ok_and(|typed| !typed.kind.is_empty());
    match object.trim_start().strip_prefix('{') {
        Some(rest) if !has_kind => {
            let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
            let ItemType { api_version, kind } = of;
            format!("{{\"apiVersion\":\"{api_version}\",\"kind\":\"{kind}\"{comma}{rest}").into_bytes()
        }
        _ => object.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_gets_its_type_unless_it_has_one() {
        let of = ItemType { api_version: "v1", kind: "Namespace" };
        let text = |object: &str| String::from_utf8(typed(object, &of)).unwrap();
        let expected = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}"#;
        assert_eq!(text(r#"{"metadata":{"name":"a"}}"#), expected);
        assert_eq!(text("{}"), r#"{"apiVersion":"v1","kind":"Namespace"}"#);
        let custom = r#"{"metadata":{"name":"a"},"kind":"AWSCluster","apiVersion":"x/v1"}"#;
        assert_eq!(text(custom), custom);
    }
}
