//! What one worker thread counts: a row of plain numbers that only this thread writes.
//!
//! Slots below [`FIRST_FREE`] have a fixed meaning, told by [`names`]; those above are given
//! out by Python, which tells each Plan where its services and pins count, so that counts
//! outlive a Plan. Readers sum the rows of all threads and stop nobody.

use crate::sys;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Slots of a row. Untouched pages of it cost no memory.
pub const SLOTS: usize = 1 << 22;

/// The first slot that Python may give out.
pub const FIRST_FREE: usize = 1024;

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
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}
