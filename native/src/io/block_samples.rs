//! Samples of the blocks that queries come from: put by the one thread that answers, taken by Python.
//!
//! ```text
//!   numbers  │ taken │ waiting … │ free │      a sample is two numbers, at `place` % CAPACITY
//!                    ▲ taken     ▲ put
//! ```
//!
//! A ring of fixed size. The thread that puts never waits: what finds no room is dropped and counted.
//! A place is written before `put` says so, and read before `taken` does.

use crate::io::sys;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Mutex, PoisonError};

/// Samples that wait at most: more keep more of a burst before the rate is lowered, at 16 octets each.
pub const CAPACITY: usize = 4096;

/// One sample: the first counter of a region of a service, how many queries it stands for as a
/// binary logarithm, and the 64 bits of which its block's draw is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockSample {
    /// The first counter of the region whose client asked.
    pub region: u32,
    /// The binary logarithm of how many queries this one stands for.
    pub queries: u8,
    /// `draw_word` of the block.
    pub word: u64,
}

/// One thread's samples.
pub struct BlockSamples {
    numbers: Box<[AtomicU64]>,
    put: AtomicU64,
    taken: Mutex<u64>,
    /// As `taken` says, for the thread that puts.
    free: AtomicU64,
    dropped: AtomicU64,
}

impl BlockSamples {
    /// Room for so many.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            numbers: sys::zeros(2 * capacity),
            put: AtomicU64::new(0),
            taken: Mutex::new(0),
            free: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Keep a sample; only the owning thread may.
    #[cold]
    pub fn put(&self, sample: BlockSample) {
        let put = self.put.load(Relaxed);
        let waiting = put.wrapping_sub(self.free.load(Acquire));
        if waiting >= self.capacity() {
            let dropped = self.dropped.load(Relaxed);
            self.dropped.store(dropped.wrapping_add(1), Relaxed);
            return;
        }
        let first = u64::from(sample.region) << 32 | u64::from(sample.queries);
        for (to, from) in self.place(put).iter().zip([first, sample.word]) {
            to.store(from, Relaxed);
        }
        self.put.store(put.wrapping_add(1), Release);
    }

    /// Take the oldest samples, each as the number of its region and queries and that of its block,
    /// as many as fit into `out`; how many numbers were written.
    pub fn take(&self, out: &mut [u64]) -> usize {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.put.load(Acquire).wrapping_sub(*taken);
        let mut written = 0;
        let (pairs, _) = out.as_chunks_mut::<2>();
        for (pair, place) in pairs.iter_mut().zip(0..waiting) {
            for (to, from) in pair.iter_mut().zip(self.place(taken.wrapping_add(place))) {
                *to = from.load(Relaxed);
                written += 1;
            }
        }
        *taken = taken.wrapping_add(written as u64 / 2);
        self.free.store(*taken, Release);
        written
    }

    /// How many were ever dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    const fn capacity(&self) -> u64 {
        self.numbers.len() as u64 / 2
    }

    fn place(&self, number: u64) -> &[AtomicU64] {
        let at = number.checked_rem(self.capacity()).unwrap_or(0) as usize * 2;
        self.numbers.get(at..at + 2).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(number: u64) -> BlockSample {
        BlockSample {
            region: 7,
            queries: 3,
            word: number,
        }
    }

    #[test]
    fn samples_are_taken_in_the_order_in_which_they_were_put() {
        let samples = BlockSamples::new(4);
        let mut out = [0; 6];
        for round in 0..5 {
            (0..3).for_each(|number| samples.put(sample(round + number)));
            assert_eq!(samples.take(&mut out), 6);
            let first = 7 << 32 | 3;
            assert_eq!(out, [first, round, first, round + 1, first, round + 2]);
        }
        assert_eq!((samples.take(&mut out), samples.dropped()), (0, 0));
    }

    #[test]
    fn what_has_no_room_is_dropped_and_counted() {
        let samples = BlockSamples::new(4);
        (0..9).for_each(|number| samples.put(sample(number)));
        let mut out = [0; 5];
        assert_eq!((samples.take(&mut out), samples.dropped()), (4, 5));
        assert_eq!([out[1], out[3]], [0, 1]);
        samples.put(sample(9));
        assert_eq!(samples.take(&mut [0; 64]), 6);
    }

    #[test]
    fn samples_without_room_at_all_are_dropped() {
        let samples = BlockSamples::new(0);
        samples.put(sample(1));
        assert_eq!((samples.take(&mut [0; 2]), samples.dropped()), (0, 1));
    }

    #[test]
    fn nothing_is_torn_while_one_thread_puts_and_another_takes() {
        let samples = BlockSamples::new(8);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..100_000_u64).for_each(|number| {
                    samples.put(BlockSample {
                        region: number as u32,
                        queries: 0,
                        word: number,
                    });
                });
            });
            let (mut seen, mut last) = (0, None);
            let mut out = [0; 16];
            while seen + samples.dropped() < 100_000 {
                let written = samples.take(&mut out);
                for pair in out[..written].chunks(2) {
                    assert_eq!(pair[0], pair[1] << 32);
                    assert!(last < Some(pair[1]));
                    last = Some(pair[1]);
                    seen += 1;
                }
            }
        });
    }
}
