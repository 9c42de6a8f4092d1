//! Work on two threads with results in the order of the input.

use std::sync::{Mutex, PoisonError};

/// Below this many items a second thread costs more than it brings.
const WORTH_A_THREAD: usize = 64;

/// Items handed to a thread at a time.
const CHUNK: usize = 16;

/// `work` on every item, on two scoped threads where there are many; results in the items' order.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    filter_map(items.len() >= WORTH_A_THREAD, items.iter(), CHUNK, |item| Some(work(item)))
}

/// `work` on every piece of `size` bytes and its offset, on two scoped threads where there is more than one; results in the
/// pieces' order.
pub fn map_pieces<R: Send>(bytes: &mut [u8], size: usize, work: impl Fn(usize, &mut [u8]) -> R + Sync) -> Vec<R> {
    let worth_it = bytes.len() > size;
    filter_map(worth_it, bytes.chunks_mut(size).enumerate(), 1, |(index, piece)| Some(work(index * size, piece)))
}

/// What `work` makes of the items, in their order; on two scoped threads where that is worth it. One thread at a time asks for the
/// next `size` items, while the other works.
pub fn filter_map<T: Send, R: Send>(
    worth_it: bool,
    items: impl Iterator<Item = T> + Send,
    size: usize,
    work: impl Fn(T) -> Option<R> + Sync,
) -> Vec<R> {
    if !worth_it {
        return items.filter_map(work).collect();
    }
    let items = Mutex::new((0, items));
    let next = || {
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk: Vec<T> = items.1.by_ref().take(size).collect();
        items.0 += 1;
        (!chunk.is_empty()).then_some((items.0, chunk))
    };
    let mut chunks = on_two_threads(|| {
        let chunks = std::iter::from_fn(next);
        chunks.map(|(index, chunk)| (index, chunk.into_iter().filter_map(&work).collect::<Vec<_>>())).collect()
    });
    chunks.sort_unstable_by_key(|&(index, _)| index);
    // A vector that grows by doubling would take half as much again.
    let mut all = Vec::with_capacity(chunks.iter().map(|(_, results)| results.len()).sum());
    chunks.into_iter().for_each(|(_, results)| all.extend(results));
    all
}

/// Both, side by side where that is worth a thread.
pub fn both<A: Send, B>(worth_it: bool, first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    if !worth_it {
        return (first(), second());
    }
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        match first.join() {
            Ok(first) => (first, second),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// What `run` gives on this thread and on another one.
fn on_two_threads<R: Send>(run: impl Fn() -> Vec<R> + Sync) -> Vec<R> {
    let (mut done, more) = both(true, &run, &run);
    done.extend(more);
    done
}

#[cfg(test)]
mod tests {
    #[test]
    fn pieces_of_bytes_in_their_order() {
        for length in [0, 1, 7, 8, 9, 1000] {
            let mut bytes: Vec<u8> = (0..length).map(|at| (at % 256) as u8).collect();
            let starts = super::map_pieces(&mut bytes, 8, |start, piece| {
                piece.iter_mut().for_each(|byte| *byte = !*byte);
                (start, piece.len())
            });
            assert_eq!(starts.iter().map(|(_, length)| length).sum::<usize>(), length);
            assert!(starts.iter().enumerate().all(|(index, &(start, _))| start == 8 * index));
            assert!(bytes.iter().enumerate().all(|(at, &byte)| byte == !((at % 256) as u8)));
        }
    }

    #[test]
    fn what_is_kept_of_items_in_their_order() {
        for (count, worth_it) in [(0, true), (1, true), (1000, true), (1000, false)] {
            let thirds = |n: usize| n.is_multiple_of(3).then_some(n * 2);
            let kept = super::filter_map(worth_it, 0..count, 7, thirds);
            assert!(kept.into_iter().eq((0..count).filter_map(thirds)));
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(super::map(&items, |n| n * 2), items.iter().map(|n| n * 2).collect::<Vec<_>>());
    }
}
