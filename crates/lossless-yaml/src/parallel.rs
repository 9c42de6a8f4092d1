//! Work on several threads, as many as the system gives this process. Results are in the order of the input. The
//! results and the returned error don't depend on the number of threads.

use std::cell::Cell;
use std::convert::Infallible;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Maximum number of threads: reading from disk and cutting a file into documents get no faster with more.
const MOST_THREADS: usize = 8;

/// Number of items that are worth a thread: for documents of 300 bytes, reading this many takes 250 µs, and proving a
/// change in each 2.4 ms; to start a thread and wait for its end takes 25 µs (x86-64, Linux).
const WORTH_A_THREAD: usize = 32;

/// Number of items handed to a thread at a time.
const CHUNK: usize = 16;

/// Items with more bytes are processed alone, so that only one of them is in memory, and not one for each thread.
const SMALL: u64 = 1 << 20;

thread_local! {
    /// Number of threads for the work that this thread hands out; `None` if it is not set.
    static THREADS: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Number of threads for the work that this thread hands out.
fn threads() -> usize {
    // Asked once, because the answer is read from system files.
    static AVAILABLE: OnceLock<usize> = OnceLock::new();
    let available = || std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    THREADS.get().unwrap_or_else(|| *AVAILABLE.get_or_init(available))
}

/// Calls `run` with `count` threads for the work that it hands out. Tests use it to compare results.
pub fn with_threads<R>(count: usize, run: impl FnOnce() -> R) -> R {
    /// Restores the count, even if `run` panics.
    struct Restore(Option<usize>);
    impl Drop for Restore {
        fn drop(&mut self) {
            THREADS.set(self.0);
        }
    }
    let _restore = Restore(THREADS.replace(Some(count)));
    run()
}

/// Calls `work` on every item, on several threads if there are many.
pub fn map<'t, T: Sync + 't, R: Send>(items: &'t [T], work: impl Fn(&'t T) -> R + Sync) -> Vec<R> {
    filter_map(items.len() / WORTH_A_THREAD, items.iter(), CHUNK, |item| Some(work(item)))
}

/// Calls `work` on every item, on several threads if there are many. Large items, by their `size` in bytes, are
/// processed after all others and one by one.
pub fn map_sized<'t, T: Sync + 't, R: Send>(
    items: &'t [T],
    size: impl Fn(&T) -> u64,
    work: impl Fn(&'t T) -> R + Sync,
) -> Vec<R> {
    let done: Result<_, Infallible> = try_map_sized(items, size, |item| Ok(work(item)));
    let Ok(done) = done;
    done
}

/// As [`map_sized`], until an item fails.
///
/// # Errors
/// The error of the first small item that fails; if none does, that of the first large item that fails.
pub fn try_map_sized<'t, T: Sync + 't, R: Send, E: Send>(
    items: &'t [T],
    size: impl Fn(&T) -> u64,
    work: impl Fn(&'t T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (small, large): (Vec<_>, Vec<_>) = items.iter().enumerate().partition(|(_, item)| size(item) <= SMALL);
    let one = |(index, item)| work(item).map(|result| (index, result));
    let failed = AtomicBool::new(false);
    let worth = small.len() / WORTH_A_THREAD;
    // Items are started in order: all items before one that fails are finished, too.
    let items = small.into_iter().take_while(|_| !failed.load(Ordering::Relaxed));
    let done = filter_map(worth, items, 1, |item| {
        let done = one(item);
        if done.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        Some(done)
    });
    let mut done = done.into_iter().collect::<Result<Vec<_>, E>>()?;
    for item in large {
        done.push(one(item)?);
    }
    done.sort_unstable_by_key(|&(index, _)| index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Calls `work` on every piece of `size` bytes with its offset, on several threads if there is more than one.
pub fn map_pieces<R: Send>(bytes: &mut [u8], size: usize, work: impl Fn(usize, &mut [u8]) -> R + Sync) -> Vec<R> {
    let worth = bytes.len().div_ceil(size);
    filter_map(worth, bytes.chunks_mut(size).enumerate(), 1, |(index, piece)| Some(work(index * size, piece)))
}

/// The results of `work` on the items, on up to `worth` threads. One thread at a time takes the next `size` items,
/// while the others work.
pub fn filter_map<T: Send, R: Send>(
    worth: usize,
    items: impl Iterator<Item = T> + Send,
    size: usize,
    work: impl Fn(T) -> Option<R> + Sync,
) -> Vec<R> {
    let threads = threads().min(worth);
    if threads <= 1 {
        return items.filter_map(work).collect();
    }
    let items = Mutex::new((0, items));
    let next = || {
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk: Vec<T> = items.1.by_ref().take(size).collect();
        items.0 += 1;
        (!chunk.is_empty()).then_some((items.0, chunk))
    };
    let mut chunks = on_threads(threads, || {
        let chunks = std::iter::from_fn(next);
        chunks.map(|(index, chunk)| (index, chunk.into_iter().filter_map(&work).collect::<Vec<_>>())).collect()
    });
    chunks.sort_unstable_by_key(|&(index, _)| index);
    // A vector that grows by doubling would need half as much memory again.
    let mut all = Vec::with_capacity(chunks.iter().map(|(_, results)| results.len()).sum());
    chunks.into_iter().for_each(|(_, results)| all.extend(results));
    all
}

/// Calls both, in parallel if that is worth a thread.
pub fn both<A: Send, B>(worth_it: bool, first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    if !worth_it || threads() <= 1 {
        return (first(), second());
    }
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        (joined(first), second)
    })
}

/// The results of `run` on this thread and on others, `threads` in all.
fn on_threads<R: Send>(threads: usize, run: impl Fn() -> Vec<R> + Sync) -> Vec<R> {
    // No nested threads: work that `run` hands out is done on its own thread.
    let run = || with_threads(1, &run);
    std::thread::scope(|scope| {
        // If the system can't start more threads, the existing ones do the work.
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, run).ok();
        let others: Vec<_> = (1..threads).map_while(start).collect();
        let mut done = run();
        others.into_iter().for_each(|other| done.extend(joined(other)));
        done
    })
}

/// The result of a thread; if it panicked, the panic continues in this one.
fn joined<R>(thread: std::thread::ScopedJoinHandle<'_, R>) -> R {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn work_that_is_handed_out_hands_out_no_more() {
        let items: Vec<usize> = (0..1000).collect();
        let counts = with_threads(8, || map(&items, |_| threads()));
        assert!(counts.iter().all(|&count| count == 1));
        let few = with_threads(8, || map(&items[..3], |_| threads()));
        assert_eq!(few, [8, 8, 8]);
    }

    #[test]
    fn a_count_is_restored_also_after_a_panic() {
        let before = THREADS.get();
        with_threads(3, || {
            let caught = std::panic::catch_unwind(|| with_threads(5, || panic!("on purpose")));
            assert!(caught.is_err());
            assert_eq!(threads(), 3);
        });
        assert_eq!(THREADS.get(), before);
    }

    /// If there is enough work, all threads take part.
    #[test]
    fn each_thread_takes_its_part() {
        let items: Vec<usize> = (0..8 * WORTH_A_THREAD).collect();
        let barrier = std::sync::Barrier::new(8);
        let work = |&item: &usize| {
            // No thread continues before eight have started.
            if item < 8 {
                barrier.wait();
            }
            item
        };
        assert_eq!(with_threads(8, || map_sized(&items, |_| 0, work)), items);
    }

    proptest! {
        #[test]
        fn results_are_those_of_one_thread(
            count in 0..400_usize,
            size in 1..40_usize,
            worth in 0..20_usize,
            threads in prop::sample::select(vec![1, 2, 3, 8]),
        ) {
            let items: Vec<usize> = (0..count).collect();
            let thirds = |n: usize| n.is_multiple_of(3).then_some(n * 2);
            with_threads(threads, || {
                prop_assert_eq!(map(&items, |n| n * 2), items.iter().map(|n| n * 2).collect::<Vec<_>>());
                let kept = filter_map(worth, items.iter().copied(), size, thirds);
                prop_assert_eq!(kept, items.iter().copied().filter_map(thirds).collect::<Vec<_>>());
                let mut bytes: Vec<u8> = items.iter().map(|n| (n % 256) as u8).collect();
                let starts = map_pieces(&mut bytes, size, |start, piece| {
                    piece.iter_mut().for_each(|byte| *byte = !*byte);
                    (start, piece.len())
                });
                prop_assert_eq!(starts.iter().map(|(_, length)| length).sum::<usize>(), count);
                prop_assert!(starts.iter().enumerate().all(|(index, &(start, _))| start == size * index));
                prop_assert!(bytes.iter().zip(&items).all(|(&byte, n)| byte == !((n % 256) as u8)));
                Ok(())
            })?;
        }

        #[test]
        fn the_error_is_that_of_one_thread(
            sizes in prop::collection::vec(prop::sample::select(vec![0, SMALL, SMALL + 1]), 0..200),
            failing in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            threads in prop::sample::select(vec![1, 2, 8]),
        ) {
            let failing: Vec<usize> =
                failing.iter().filter(|_| !sizes.is_empty()).map(|at| at.index(sizes.len())).collect();
            let items: Vec<(usize, u64)> = sizes.iter().copied().enumerate().collect();
            let work = |&(index, _): &(usize, u64)| if failing.contains(&index) { Err(index) } else { Ok(index) };
            let done = with_threads(threads, || try_map_sized(&items, |&(_, size)| size, work));
            let first = failing.iter().copied().min_by_key(|&index| (sizes[index] > SMALL, index));
            prop_assert_eq!(done, first.map_or_else(|| Ok((0..sizes.len()).collect()), Err));
        }
    }
}
