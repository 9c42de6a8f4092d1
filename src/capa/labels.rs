//! The labels of an object, small: a large bundle has five of them for each of thousands of objects.

/// `metadata.labels`, where keys and values are scalars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// All keys and values, one behind the other.
    text: Box<str>,
    /// Where each of them ends.
    ends: Box<[usize]>,
}

impl Labels {
    /// Keys and values as written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.chunks_exact(2).map(move |ends| {
            let key = &self.text[start..ends[0]];
            start = ends[1];
            (key, &self.text[ends[0]..ends[1]])
        })
    }

    /// The value of a key; of two, the last, as kubectl has it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().filter(|(own, _)| *own == key).map(|(_, value)| value).last()
    }
}

impl<'t> FromIterator<(&'t str, &'t str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'t str, &'t str)>>(members: I) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for (key, value) in members {
            for part in [key, value] {
                text.push_str(part);
                ends.push(text.len());
            }
        }
        Self { text: text.into(), ends: ends.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_comes_out() {
        let all = [("env", "dev"), ("", "x"), ("a/b", ""), ("env", "prod"), ("ü", "é")];
        for count in 0..=all.len() {
            let labels: Labels = all[..count].iter().copied().collect();
            assert!(labels.iter().eq(all[..count].iter().copied()), "{labels:?}");
        }
        let labels: Labels = all.into_iter().collect();
        let wanted = [("env", Some("prod")), ("", Some("x")), ("a/b", Some("")), ("a", None), ("ü", Some("é"))];
        for (key, value) in wanted {
            assert_eq!(labels.get(key), value, "{key}");
        }
    }
}
