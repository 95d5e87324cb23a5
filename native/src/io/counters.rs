//! What one worker thread counts: a row of plain numbers that only this thread writes.
//!
//! `slots` says which counts what; of those behind the fixed ones Python writes into each Plan where
//! its services and pins count, so that counts outlive a Plan. Readers sum the rows of all threads and
//! stop nobody.

use crate::io::block_samples::{BlockSamples, CAPACITY};
use crate::io::slots::{DROPPED, MALFORMED, RECEIVED, ROW, TRUNCATED, TYPES, Transport, response};
use crate::io::sys;
use crate::wire::query::{Dropped, Malformed};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Where in [`TYPES`] a type stands; behind its end where it does not.
#[expect(clippy::indexing_slicing, reason = "the compiler does it")]
const TYPE_PLACES: [u8; 258] = {
    let mut places = [TYPES.len() as u8; 258];
    let mut place = 0;
    while place < TYPES.len() {
        places[TYPES[place] as usize] = place as u8;
        place += 1;
    }
    places
};

/// One thread's row.
pub struct Counters {
    slots: Box<[AtomicU64]>,
    /// Samples of the blocks that queries come from.
    pub blocks: BlockSamples,
}

impl Counters {
    /// A row of zeros.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slots: sys::zeros(ROW),
            blocks: BlockSamples::new(CAPACITY),
        }
    }

    /// A row that counts nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            slots: sys::zeros(0),
            blocks: BlockSamples::new(0),
        }
    }

    /// Add to a slot; only the owning thread may. A slot beyond the row counts nowhere.
    #[inline]
    pub fn add(&self, slot: usize, amount: u64) {
        if let Some(counter) = self.slots.get(slot) {
            // One writer, so a load and a store do; no lock prefix on the packet path.
            counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
        }
    }

    /// The value of a slot, from any thread.
    #[must_use]
    pub fn get(&self, slot: usize) -> u64 {
        self.slots
            .get(slot)
            .map_or(0, |counter| counter.load(Relaxed))
    }

    /// Count a packet.
    #[inline]
    pub fn received(&self, transport: Transport) {
        self.add(RECEIVED + transport as usize, 1);
    }

    /// Count a packet that gets no answer.
    pub fn dropped(&self, why: Dropped) {
        self.add(DROPPED + why as usize, 1);
    }

    /// Count what is wrong with a packet that gets FORMERR.
    pub fn malformed(&self, malformed: Malformed) {
        self.add(MALFORMED + malformed as usize, 1);
    }

    /// Count a response with TC.
    pub fn truncated(&self) {
        self.add(TRUNCATED, 1);
    }

    /// Count a response.
    #[inline]
    pub fn responded(&self, transport: Transport, qtype: u16, rcode: u16) {
        let place = TYPE_PLACES
            .get(usize::from(qtype))
            .map_or(TYPES.len(), |place| usize::from(*place));
        self.add(response(transport, place, rcode), 1);
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_are_not_told_apart_count_together() {
        let counters = Counters::new();
        counters.responded(Transport::Tcp, 257, 16);
        counters.responded(Transport::Udp, 1234, 3);
        counters.responded(Transport::Udp, 200, 3);
        let caa = response(Transport::Tcp, TYPES.len() - 1, 16);
        let other = response(Transport::Udp, TYPES.len(), 3);
        assert_eq!((counters.get(caa), counters.get(other)), (1, 2));
    }

    #[test]
    fn a_slot_beyond_the_row_counts_nowhere() {
        let counters = Counters::none();
        counters.add(0, 1);
        assert_eq!(counters.get(0), 0);
    }
}
