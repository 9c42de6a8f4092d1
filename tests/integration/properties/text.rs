//! The text of a generated manifest.

use proptest::sample::Index;

use super::manifest::{Content, Entry, Form, Key, Node, Quote, Stream};

pub(super) struct Writer {
    pub(super) out: String,
    pub(super) step: usize,
    pub(super) flush: bool,
    pub(super) tame: bool,
    /// Comments are numbered, so that a lost or moved one is found.
    pub(super) comments: usize,
    /// Whether each anchor so far is a mapping; `None` before its node is complete.
    pub(super) anchors: Vec<Option<bool>>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({:?}, tame: {})", self.write(), self.tame)
    }
}

impl Stream {
    pub(super) fn write(&self) -> String {
        let mut out = match self.json {
            Some(pretty) => self.json(pretty),
            None => self.yaml() + self.tail,
        };
        if !self.newline {
            out.truncate(out.trim_end_matches('\n').len());
        }
        if self.crlf {
            out = out.replace('\n', "\r\n");
        }
        if self.bom { format!("\u{feff}{out}") } else { out }
    }

    fn yaml(&self) -> String {
        let mut out = String::new();
        let mut comments = 0;
        for (index, document) in self.documents.iter().enumerate() {
            if index > 0 || document.step % 2 == 0 {
                out.push_str(document.marker);
            }
            let mut writer = Writer {
                out: String::new(),
                step: document.step,
                flush: document.flush,
                tame: self.tame,
                comments,
                anchors: Vec::new(),
            };
            match &document.content {
                Content::Object(entries, Form::Block) => writer.entries(entries, 0, false),
                Content::Object(entries, form) => {
                    writer.flow_map(entries, *form, 0);
                    writer.out.push('\n');
                }
                Content::List(items, form) => {
                    writer.out.push_str("apiVersion: v1\nkind: List\nitems:");
                    let items = items.iter().map(|(entries, form)| Node::Map(entries.clone(), *form)).collect();
                    writer.value(&Node::Seq(items, *form), 0, false, 1);
                }
                Content::Comments => writer.comment_line(0),
                Content::EmptySelection => {}
                Content::Broken(text) => writer.out.push_str(text),
            }
            comments = writer.comments;
            out.push_str(&writer.out);
            // libyaml does not accept `...` without a document before it.
            let bare = matches!(document.content, Content::Comments | Content::EmptySelection);
            if document.end && !(bare && self.tame) {
                out.push_str("...\n");
            }
        }
        out
    }

    fn json(&self, pretty: bool) -> String {
        let object = |entries: &[Entry]| serde_json::Value::Object(json_members(entries));
        let mut out = String::new();
        for document in &self.documents {
            let value = match &document.content {
                Content::Object(entries, _) => object(entries),
                Content::List(items, _) => {
                    let items: Vec<_> = items.iter().map(|(entries, _)| object(entries)).collect();
                    serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items})
                }
                _ => continue,
            };
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            out.push_str(&text.unwrap());
            out.push('\n');
        }
        out
    }
}

pub(super) fn json_members(entries: &[Entry]) -> serde_json::Map<String, serde_json::Value> {
    let named = entries.iter().filter_map(|entry| match &entry.key {
        Key::Name(name, _) => Some((name.clone(), json_value(&entry.value))),
        Key::Merge(_) => None,
    });
    named.collect()
}

pub(super) fn json_value(node: &Node) -> serde_json::Value {
    match node {
        Node::Text(text, _) => text.clone().into(),
        Node::Null(_) | Node::Alias(_) => serde_json::Value::Null,
        Node::Block(_, _, lines) => lines.join("\n").into(),
        Node::Map(entries, _) => serde_json::Value::Object(json_members(entries)),
        Node::Seq(items, _) => items.iter().map(json_value).collect(),
        Node::Anchored(node) => json_value(node),
    }
}

pub(super) fn scalar(text: &str, quote: Quote, in_flow: bool) -> String {
    let safe =
        |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c) || (!in_flow && "${}=".contains(c)) || c > '\u{a0}';
    let plain = !text.is_empty()
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '$' && !in_flow || c > '\u{a0}')
        && text.chars().all(safe);
    let control = text.contains(|c: char| c.is_control());
    match quote {
        Quote::Plain if plain => text.to_owned(),
        Quote::Plain | Quote::Single if !control => format!("'{}'", text.replace('\'', "''")),
        Quote::Escaped if text.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            let rest = serde_json::to_string(&text[1..]).unwrap();
            format!("\"\\x{:02x}{}", text.as_bytes()[0], &rest[1..])
        }
        _ => serde_json::to_string(text).unwrap(),
    }
}

impl Writer {
    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# comment {}.", self.comments)
    }

    fn comment_line(&mut self, indent: usize) {
        let comment = self.comment();
        self.out.push_str(&format!("{}{comment}\n", " ".repeat(indent)));
    }

    /// The text of an alias or a merge at this place.
    fn alias(&self, index: &Index, map: bool) -> Option<String> {
        let fit: Vec<usize> =
            (0..self.anchors.len()).filter(|&at| self.anchors[at].is_some_and(|is| is || !map)).collect();
        (!fit.is_empty() && !self.tame).then(|| format!("*a{}", index.get(&fit) + 1))
    }

    fn key(&self, key: &Key, in_flow: bool) -> Option<String> {
        match key {
            Key::Name(name, quote) => Some(scalar(name, *quote, in_flow)),
            Key::Merge(index) => self.alias(index, true).map(|_| "<<".to_owned()),
        }
    }

    /// Entries of a block mapping; `first_inline` if the first one follows a dash.
    fn entries(&mut self, entries: &[Entry], indent: usize, mut first_inline: bool) {
        let mut seen: Vec<&str> = Vec::new();
        for entry in entries {
            if let Key::Name(name, _) = &entry.key {
                if seen.contains(&name.as_str()) {
                    continue;
                }
                seen.push(name);
            }
            let Some(key) = self.key(&entry.key, false) else { continue };
            if !first_inline {
                for above in &entry.above {
                    match above {
                        None => self.out.push('\n'),
                        Some(shift) => self.comment_line((indent + shift).saturating_sub(1)),
                    }
                }
                self.out.push_str(&" ".repeat(indent));
            }
            first_inline = false;
            self.out.push_str(&key);
            self.out.push(':');
            match &entry.key {
                Key::Merge(index) => {
                    let alias = self.alias(index, true).unwrap_or_default();
                    self.out.push_str(&format!(" {alias}\n"));
                }
                Key::Name(..) => self.value(&entry.value, indent, entry.comment, entry.gap),
            }
        }
        if first_inline {
            // Nothing was written after the dash.
            self.out.push_str("{}\n");
        }
    }

    fn end_line(&mut self, comment: bool) {
        if comment {
            let comment = self.comment();
            self.out.push_str(&format!(" {comment}"));
        }
        self.out.push('\n');
    }

    /// The value after the colon of a key at `indent`, up to the end of its last line.
    fn value(&mut self, node: &Node, indent: usize, comment: bool, gap: usize) {
        let blanks = " ".repeat(gap);
        match node {
            Node::Anchored(inner) if self.tame => self.value(inner, indent, comment, gap),
            Node::Anchored(inner) => {
                self.anchors.push(None);
                let at = self.anchors.len();
                self.out.push_str(&format!(" &a{at}"));
                self.value(inner, indent, comment, gap);
                self.anchors[at - 1] = Some(matches!(**inner, Node::Map(..)));
            }
            Node::Text(text, quote) => {
                self.out.push_str(&format!("{blanks}{}", scalar(text, *quote, false)));
                self.end_line(comment);
            }
            Node::Null(kind) => {
                self.out.push_str(["", " ~", " null"][usize::from(*kind)]);
                self.end_line(comment);
            }
            Node::Alias(index) => {
                let text = self.alias(index, false).unwrap_or_else(|| "none".into());
                self.out.push_str(&format!("{blanks}{text}"));
                self.end_line(comment);
            }
            Node::Block(fold, chomp, lines) => {
                // libyaml, and therefore kubectl, does not accept a tab on the line that shows the indentation.
                let first = lines.iter().find(|line| !line.is_empty());
                let indicator = if first.is_some_and(|line| line.starts_with([' ', '\t'])) {
                    self.step.to_string()
                } else {
                    String::new()
                };
                let sign = if *fold { '>' } else { '|' };
                self.out.push_str(&format!(" {sign}{indicator}{}", ["", "-", "+"][usize::from(*chomp)]));
                self.end_line(comment);
                for line in lines {
                    if !line.is_empty() {
                        self.out.push_str(&" ".repeat(indent + self.step));
                    }
                    self.out.push_str(line);
                    self.out.push('\n');
                }
            }
            Node::Map(entries, Form::Block) if entries.iter().any(|entry| self.key(&entry.key, false).is_some()) => {
                self.end_line(comment);
                self.entries(entries, indent + self.step, false);
            }
            Node::Seq(items, Form::Block) if !items.is_empty() => {
                self.end_line(comment);
                let column = if self.flush { indent } else { indent + self.step };
                for item in items {
                    self.out.push_str(&" ".repeat(column));
                    self.item(item, column);
                }
            }
            other => {
                self.out.push_str(&blanks);
                self.flow(other, indent + self.step);
                self.end_line(comment);
            }
        }
    }

    fn item(&mut self, item: &Node, column: usize) {
        match item {
            Node::Map(entries, Form::Block) if entries.iter().any(|entry| self.key(&entry.key, false).is_some()) => {
                self.out.push_str("- ");
                self.entries(entries, column + 2, true);
            }
            Node::Seq(items, Form::Block) if !items.is_empty() => {
                self.out.push_str("- ");
                for (index, inner) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(&" ".repeat(column + 2));
                    }
                    self.item(inner, column + 2);
                }
            }
            other => {
                self.out.push('-');
                // A block scalar, an anchor: as after a key at the dash.
                let (step, flush) = (self.step, self.flush);
                (self.step, self.flush) = (step.max(2), false);
                self.value(other, column, false, 1);
                (self.step, self.flush) = (step, flush);
            }
        }
    }

    fn flow(&mut self, node: &Node, indent: usize) {
        match node {
            Node::Anchored(inner) if self.tame => self.flow(inner, indent),
            Node::Anchored(inner) => {
                self.anchors.push(None);
                let at = self.anchors.len();
                self.out.push_str(&format!("&a{at} "));
                self.flow(inner, indent);
                self.anchors[at - 1] = Some(matches!(**inner, Node::Map(..)));
            }
            Node::Text(text, quote) => self.out.push_str(&scalar(text, *quote, true)),
            Node::Null(kind) => self.out.push_str(["null", "~", "null"][usize::from(*kind)]),
            Node::Alias(index) => {
                let text = self.alias(index, false).unwrap_or_else(|| "none".into());
                self.out.push_str(&format!("{text} "));
            }
            Node::Block(_, _, lines) => self.out.push_str(&scalar(&lines.join("\n"), Quote::Double, true)),
            Node::Map(entries, form) => self.flow_map(entries, *form, indent),
            Node::Seq(items, form) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.between(index, *form, indent);
                    self.flow(item, indent + 2);
                }
                self.close(items.is_empty(), *form, indent);
                self.out.push(']');
            }
        }
    }

    fn between(&mut self, index: usize, form: Form, indent: usize) {
        match (form, index) {
            (Form::Lines, _) => {
                if index > 0 {
                    self.out.push(',');
                }
                if index % 2 == 1 {
                    self.end_line(true);
                } else {
                    self.out.push('\n');
                }
                self.out.push_str(&" ".repeat(indent.max(1)));
            }
            (_, 0) => {}
            _ => self.out.push_str(", "),
        }
    }

    fn close(&mut self, empty: bool, form: Form, indent: usize) {
        if !empty && form == Form::Lines {
            self.out.push('\n');
            self.out.push_str(&" ".repeat(indent.max(1)));
        } else if empty && form == Form::Lines {
            self.out.push(' ');
        }
    }

    fn flow_map(&mut self, entries: &[Entry], form: Form, indent: usize) {
        self.out.push('{');
        let mut seen: Vec<&str> = Vec::new();
        for entry in entries {
            if let Key::Name(name, _) = &entry.key
                && seen.contains(&name.as_str())
            {
                continue;
            }
            let Some(key) = self.key(&entry.key, true) else { continue };
            let alias = match &entry.key {
                Key::Merge(index) => self.alias(index, true),
                Key::Name(..) => None,
            };
            self.between(seen.len(), form, indent);
            seen.push(if let Key::Name(name, _) = &entry.key { name } else { "\u{1}" });
            self.out.push_str(&format!("{key}: "));
            match alias {
                Some(alias) => self.out.push_str(&format!("{alias} ")),
                None => self.flow(&entry.value, indent + 2),
            }
        }
        self.close(seen.is_empty(), form, indent);
        self.out.push('}');
    }
}
