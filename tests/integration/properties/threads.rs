//! The number of threads that work on a file does not change the result: the edit byte for byte, or the text of the
//! refusal.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;

use lossless_yaml::parallel::with_threads;

use super::judge::{Ran, inject, shown};
use super::manifest::streams;
use super::{Tally, cases, fail, runner};

/// Padding without CAPA objects, so that the file is large enough to be cut and searched by several threads.
fn padding(bytes: usize) -> String {
    let line = "  # kind: AWSCluster, and padding\n";
    format!("\n---\napiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n{}", line.repeat(bytes / line.len()))
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let tally = Tally::default();
    let many = Cell::new(0);
    let padded = prop_oneof![4 => Just(0), 1 => 0..4_usize << 20];
    let input = (vec(streams(), 1..6), 1..60_usize, padded, any::<prop::sample::Index>());
    let result = runner(cases(40)).run(&input, |(streams, times, padded, at)| {
        let texts: Vec<String> = streams.iter().filter(|one| one.json.is_none()).map(|one| one.write()).collect();
        let mut texts: Vec<&str> =
            texts.iter().map(|text| text.trim_start_matches('\u{feff}')).cycle().take(texts.len() * times).collect();
        let padding = padding(padded);
        texts.insert(at.index(texts.len() + 1), &padding);
        let text = texts.join("\n---\n");
        let one = with_threads(1, || inject(&[text.as_bytes()], false))?;
        tally.count(&one);
        many.set(many.get() + usize::from(texts.len() > 64 && matches!(one, Ran::Edited(..))));
        for threads in [2, 8] {
            let more = with_threads(threads, || inject(&[text.as_bytes()], false))?;
            if format!("{more:?}") != format!("{one:?}") {
                let why = format!("one thread: {}; {threads} threads: {}", shown(&one), shown(&more));
                return Err(fail(why, text.as_bytes(), &more));
            }
        }
        Ok(())
    });
    tally.say("on one, two and eight threads");
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(many.get() * 20 > cases(40) as usize, "only {} large files are edited", many.get());
}
