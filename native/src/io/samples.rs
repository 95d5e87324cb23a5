//! The query log's samples: drawn by workers, kept in one bounded queue, taken by Python.
//!
//! A full queue, or one that somebody is just at, drops the sample and counts it; a worker
//! never waits for it. Only a query that is drawn costs an allocation.

use crate::io::epoll::Waker;
use crate::io::slots::Transport;
use crate::wire::prefix::Prefix;
use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

/// Samples that wait at most: with more a longer burst is logged in full, at the cost of memory;
/// with fewer more of it is dropped, and counted.
pub const CAPACITY: usize = 1024;

/// One query and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// The query, as it came.
    pub packet: Box<[u8]>,
    /// Its source address.
    pub source: Prefix,
    /// How it came.
    pub transport: Transport,
    /// The answer's RCODE (its lower four bits) and octets, None where none was sent.
    pub answer: Option<(u8, usize)>,
}

/// The queue of all workers.
pub struct Samples {
    queue: Mutex<VecDeque<Sample>>,
    dropped: AtomicU64,
    events: Arc<Waker>,
}

impl Samples {
    /// An empty queue that wakes `events` when there is something in it.
    #[must_use]
    pub fn new(events: Arc<Waker>) -> Self {
        Self {
            queue: Mutex::new(VecDeque::with_capacity(CAPACITY)),
            dropped: AtomicU64::new(0),
            events,
        }
    }

    /// The oldest sample.
    pub fn take(&self) -> Option<Sample> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// How many were dropped since this was asked.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Relaxed)
    }

    fn put(&self, make: impl FnOnce() -> Sample) {
        match self.queue.try_lock() {
            Ok(mut queue) if queue.len() < CAPACITY => {
                queue.push_back(make());
                let first = queue.len() == 1;
                drop(queue);
                if first {
                    self.events.wake();
                }
            }
            _ => {
                self.dropped.fetch_add(1, Relaxed);
            }
        }
    }
}

/// One worker's draw.
pub struct Sampler {
    samples: Arc<Samples>,
    threshold: u64,
    state: u64,
}

impl Sampler {
    /// A sampler that draws nothing yet; `seed` makes its draws differ from another worker's.
    #[must_use]
    pub fn new(samples: Arc<Samples>, seed: u64) -> Self {
        let state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self {
            samples,
            threshold: 0,
            state,
        }
    }

    /// Draw this part of the packets, 0 to 1, from now on.
    pub fn set_rate(&mut self, rate: f64) {
        self.threshold = (rate * 18_446_744_073_709_551_616.0) as u64; // saturates
    }

    /// Whether the packet of now is drawn.
    #[inline]
    pub fn draws(&mut self) -> bool {
        self.threshold != 0 && self.next() <= self.threshold
    }

    /// Keep a packet that was drawn.
    #[cold]
    pub fn keep(
        &self,
        packet: &[u8],
        source: &Prefix,
        transport: Transport,
        answer: Option<&[u8]>,
    ) {
        self.samples.put(|| Sample {
            packet: packet.into(),
            source: *source,
            transport,
            answer: answer
                .map(|answer| (answer.get(3).map_or(0, |flags| flags & 0xF), answer.len())),
        });
    }

    /// xorshift64*.
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Arc<Samples> {
        Arc::new(Samples::new(Arc::new(Waker::new().unwrap())))
    }

    fn keep(sampler: &Sampler, packet: &[u8]) {
        let source = Prefix::host_v4([192, 0, 2, 1]);
        sampler.keep(packet, &source, Transport::Udp, Some(&[0, 0, 0, 0x83, 0]));
    }

    #[test]
    fn the_share_is_drawn() {
        for (share, least, most) in [(0.0, 0, 0), (1.0, 100_000, 100_000), (0.1, 9_000, 11_000)] {
            let mut sampler = Sampler::new(samples(), 7);
            sampler.set_rate(share);
            let drawn = (0..100_000).filter(|_| sampler.draws()).count();
            assert!((least..=most).contains(&drawn), "{share}: {drawn}");
        }
    }

    #[test]
    fn what_has_no_room_is_dropped_and_counted() {
        let samples = samples();
        let sampler = Sampler::new(Arc::clone(&samples), 0);
        for number in 0..CAPACITY + 3 {
            keep(&sampler, &[number as u8]);
        }
        assert!(samples.events.clear());
        assert_eq!(samples.take_dropped(), 3);
        assert_eq!(samples.take_dropped(), 0);
        for number in 0..CAPACITY {
            let sample = samples.take().unwrap();
            assert_eq!(*sample.packet, [number as u8]);
            assert_eq!(sample.answer, Some((3, 5)));
        }
        assert_eq!(samples.take(), None);
        keep(&sampler, b"again");
        assert!(samples.events.clear(), "it wakes anew once it was empty");
    }

    #[test]
    fn a_worker_does_not_wait_for_a_reader() {
        let samples = samples();
        let held = samples.queue.lock().unwrap();
        keep(&Sampler::new(Arc::clone(&samples), 0), b"now");
        drop(held);
        assert_eq!((samples.take(), samples.take_dropped()), (None, 1));
    }
}
