//! The splitter, compared with a parser that reads the whole text.

use std::collections::HashMap;

use granit_parser::{Event as G, Parser as Granit};

use lossless_yaml::{Document, Format, Source};

/// One document as granit reads it, without comments, with anchors numbered from its start.
type Events = Vec<String>;

/// The documents of a text, and whether granit read it to the end. A document that it could not finish is not included.
fn granit_documents(text: &str) -> (Vec<Events>, bool) {
    let options = granit_parser::options! { emit_anchor_events: true, max_buffered_comment_events: usize::MAX, };
    let mut done = Vec::new();
    let mut open: Events = Vec::new();
    let mut anchors: HashMap<usize, usize> = HashMap::new();
    for result in Granit::new_from_str_with_options(text, options) {
        let Ok((event, _)) = result else { return (done, false) };
        let mut anchor = |id: usize| {
            let next = anchors.len() + 1;
            if id == 0 { 0 } else { *anchors.entry(id).or_insert(next) }
        };
        match event {
            G::DocumentStart(..) => {
                open.clear();
                anchors.clear();
            }
            G::DocumentEnd => done.push(std::mem::take(&mut open)),
            G::Scalar(text, style, id, tag) => {
                let id = anchor(id);
                open.push(format!("= {id} {style:?} {:?} {text:?}", tag.map(|tag| tag.to_string())));
            }
            G::SequenceStart(style, id, tag) => {
                let id = anchor(id);
                open.push(format!("[ {id} {style:?} {:?}", tag.map(|tag| tag.to_string())));
            }
            G::MappingStart(style, id, tag) => {
                let id = anchor(id);
                open.push(format!("{{ {id} {style:?} {:?}", tag.map(|tag| tag.to_string())));
            }
            G::SequenceEnd => open.push("]".into()),
            G::MappingEnd => open.push("}".into()),
            G::Alias(id) => {
                let id = anchor(id);
                open.push(format!("* {id}"));
            }
            _ => {}
        }
    }
    (done, true)
}

/// [`Source::segments`] cuts a text where a parser that reads all of it begins its documents.
pub fn splitter(data: &[u8]) {
    let source = Source::new(data);
    let segments: Vec<Document<'_>> = source.segments().collect();
    let bom = if data.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };

    // The segments are adjacent, and no document begins after the last one.
    let mut at = bom;
    for (index, segment) in segments.iter().enumerate() {
        assert_eq!(segment.index, index);
        assert_eq!(segment.span.start, at, "a gap before segment {index}");
        assert!(segment.span.end > at || source.format() == Format::Json, "segment {index} is empty");
        assert_eq!(segment.bytes, &data[segment.span.range()]);
        at = segment.span.end;
    }
    for line in data[at..].split_inclusive(|&b| b == b'\n') {
        let text = line.trim_ascii();
        let nothing = text.is_empty() || text.starts_with(b"#") || line.starts_with(b"%") || line.starts_with(b"...");
        assert!(nothing || source.format() == Format::Json, "content after the last segment: {line:?}");
    }

    // Readers need not agree on the cut of a text that is refused anyway.
    let Ok(text) = std::str::from_utf8(data) else { return };
    if source.format() == Format::Json || source.doubtful_marker().is_some() || data.contains(&0) {
        return;
    }
    let (whole, complete) = granit_documents(&text[bom..]);
    let alone: Vec<(Vec<Events>, bool)> = segments
        .iter()
        .map(|segment| granit_documents(std::str::from_utf8(segment.bytes).expect("the cut is between characters")))
        // A segment without a document, such as a lone carriage return, takes none from another.
        .filter(|(read, complete)| !(read.is_empty() && *complete))
        .collect();
    if complete {
        assert_eq!(whole.len(), alone.len(), "granit reads {whole:#?}");
    }
    for (index, document) in whole.iter().enumerate() {
        let Some((read, read_complete)) = alone.get(index) else {
            panic!("granit reads a document {index} that is in no segment: {document:?}");
        };
        match (read.as_slice(), read_complete) {
            ([one], true) => assert_eq!(one, document, "segment {index} is another document by itself"),
            // By itself it may be refused only if a reader of the whole file gives up as well, or if it depends on a
            // directive of another document.
            (_, false) => assert!(!complete || text.contains("%TAG"), "segment {index} can't be read by itself"),
            (more, true) => panic!("segment {index} holds {} documents", more.len()),
        }
    }
}
