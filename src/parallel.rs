//! Work on two threads with results in the order of the input.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Below this many items a second thread costs more than it brings.
const WORTH_A_THREAD: usize = 64;

/// Items handed to a thread at a time.
const CHUNK: usize = 16;

/// `work` on every item, on two scoped threads where there are many; results in the items' order.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if items.len() < WORTH_A_THREAD {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            if start >= items.len() {
                return done;
            }
            let end = (start + CHUNK).min(items.len());
            done.push((start, items[start..end].iter().map(&work).collect()));
        }
    };
    let mut chunks = std::thread::scope(|scope| {
        let second = scope.spawn(run);
        let mut chunks = run();
        match second.join() {
            Ok(more) => chunks.extend(more),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        chunks
    });
    chunks.sort_by_key(|&(start, _)| start);
    chunks.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(super::map(&items, |n| n * 2), items.iter().map(|n| n * 2).collect::<Vec<_>>());
    }
}
