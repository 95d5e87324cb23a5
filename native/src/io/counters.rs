//! What one worker thread counts: a row of plain numbers that only this thread writes.
//!
//! Slots below [`FIRST_FREE`] have a fixed meaning, listed by [`names`]; those above are given
//! out by Python, which writes into each Plan where its services and pins count, so that counts
//! outlive a Plan. Readers sum the rows of all threads and stop nobody.

use crate::io::counter_slots;
use crate::io::sys;
use crate::wire::query::{Dropped, Malformed};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Slots of a row. Untouched pages of it cost no memory.
pub const SLOTS: usize = 1 << 22;

/// The first slot that Python may give out.
pub const FIRST_FREE: usize = 1024;

/// How a query came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// Over a connection.
    Tcp,
}

/// The QTYPEs that have a count of their own; `TYPE_NAMES` of `resolverd/dns/codes.py` lists the same.
const TYPES: [u16; 24] = [
    1, 2, 5, 6, 12, 13, 15, 16, 28, 33, 35, 39, 41, 43, 46, 48, 52, 64, 65, 99, 251, 252, 255, 257,
];

/// The RCODEs that are given.
const RCODES: [u16; 8] = [0, 1, 2, 3, 4, 5, 6, 16];

const RECEIVED: usize = 0;
const DROPPED: usize = 2;
const TRUNCATED: usize = 4;
const MALFORMED: usize = 8;
const RESPONSES: usize = 64;

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
}

impl Counters {
    /// A row of zeros.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slots: sys::zeros(SLOTS),
        }
    }

    /// A row that counts nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            slots: sys::zeros(0),
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
        let outcome = usize::from(rcode.min(7));
        self.add(responses(transport, place, outcome), 1);
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

const fn responses(transport: Transport, place: usize, outcome: usize) -> usize {
    RESPONSES + (transport as usize * (TYPES.len() + 1) + place) * RCODES.len() + outcome
}

/// The slots of fixed meaning, a line each: the slot, the field of `Counters` in
/// `resolverd/engine/counters.py`, and the labels. A QTYPE of -1 is any other.
#[must_use]
pub fn names() -> String {
    let mut lines = vec![
        format!("{RECEIVED} received udp"),
        format!("{} received tcp", RECEIVED + 1),
        format!("{} dropped short", DROPPED + Dropped::Short as usize),
        format!("{} dropped response", DROPPED + Dropped::Response as usize),
        format!("{TRUNCATED} truncated"),
    ];
    let kinds = Malformed::NAMES.iter().zip(MALFORMED..);
    lines.extend(kinds.map(|(kind, slot)| format!("{slot} malformed {kind}")));
    let types = TYPES.iter().map(|rtype| i32::from(*rtype)).chain([-1]);
    for (place, rtype) in types.enumerate() {
        for (outcome, rcode) in RCODES.iter().enumerate() {
            for (transport, name) in [(Transport::Udp, "udp"), (Transport::Tcp, "tcp")] {
                let slot = responses(transport, place, outcome);
                lines.push(format!("{slot} responses {name} {rtype} {rcode}"));
            }
        }
    }
    lines.extend(counter_slots::names());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_fixed_slot_has_one_name_below_the_free_ones() {
        let names = names();
        let slots: Vec<usize> = (names.lines())
            .map(|line| line.split(' ').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(slots.iter().collect::<HashSet<_>>().len(), slots.len());
        assert!(slots.iter().all(|slot| *slot < FIRST_FREE));
    }

    #[test]
    fn a_response_counts_where_its_name_says() {
        let counters = Counters::new();
        counters.responded(Transport::Tcp, 257, 16);
        counters.responded(Transport::Udp, 1234, 3);
        let names = names();
        let counted: Vec<&str> = (names.lines())
            .filter(|line| counters.get(line.split(' ').next().unwrap().parse().unwrap()) == 1)
            .map(|line| line.split_once(' ').unwrap().1)
            .collect();
        assert_eq!(counted, ["responses tcp 257 16", "responses udp -1 3"]);
    }

    #[test]
    fn a_slot_beyond_the_row_counts_nowhere() {
        let counters = Counters::none();
        counters.add(0, 1);
        assert_eq!(counters.get(0), 0);
    }
}
